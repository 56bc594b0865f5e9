"""Finds the model with which the candidate is compared."""
