"""Stops a run whose pictures are of one colour."""
