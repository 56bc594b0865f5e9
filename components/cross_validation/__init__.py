"""Collects the results of all folds."""
