"""What a profile comes to in a tree: exactly, from a table of paths, and compiled."""
