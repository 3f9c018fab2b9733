"""Who may call: API keys, by the hashes that a file has."""
