"""What a tree recommends to a profile: by definition, from a table of paths, and compiled."""
