"""Tests of API keys: their file, and the keys that hold."""
