"""Exports the ensemble of the folds, or the best fold."""
