"""One fold of the cross-validation."""
