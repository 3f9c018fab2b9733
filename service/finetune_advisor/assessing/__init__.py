"""Turns profiles into rendered answers, for the API and for batch files."""
