"""Builds the report of a run."""
