"""Tree documents on disk: reading them, checking them, and serving them by version."""
