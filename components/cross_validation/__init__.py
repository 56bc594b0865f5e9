"""What the folds found, in one table."""
