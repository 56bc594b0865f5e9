"""Predictions of an exported model for the galaxies of a run."""
