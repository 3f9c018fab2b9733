"""The resources, one a module."""
