"""Comparison of runs: their numbers side by side, and their probabilities of the common test galaxies."""
