"""Errors of a report."""


class ReportError(Exception):
    """The evidence cannot be read or the report cannot be written; the message is one line."""
