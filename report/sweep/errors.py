"""Errors of a sweep."""


class SweepError(Exception):
    """The grid cannot be used, or its results cannot be written; the message is one line."""
