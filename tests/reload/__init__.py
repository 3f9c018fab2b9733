"""Trees that change under load, in a real server; `make reload` runs the whole of it."""
