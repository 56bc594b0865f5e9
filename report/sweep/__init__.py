"""Comparison of settings by cross-validation: points of the grid, their results, and the page."""
