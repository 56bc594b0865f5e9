"""Computes the features of the frozen backbone once, for all trainings of a classifier head."""
