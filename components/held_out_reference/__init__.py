"""Measures galaxies that a fold did not learn from."""
