"""Tree documents on disk: read, checked, and served by version."""
