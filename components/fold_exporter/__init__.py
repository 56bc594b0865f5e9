"""The model that the folds make together, or the best of them."""
