"""Writes the schema of the raw Examples."""
