"""Runs side by side: their numbers, and galaxy by galaxy what they say of the common test galaxies."""
