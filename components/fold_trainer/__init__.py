"""Trains one fold of the cross-validation."""
