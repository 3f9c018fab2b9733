"""Profiles in, answers as bytes out, for the API and for files."""
