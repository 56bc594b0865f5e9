"""Trains the classifier head on features of the frozen backbone."""
