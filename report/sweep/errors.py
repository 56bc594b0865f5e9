"""What goes wrong for reasons that the user can mend."""


class SweepError(Exception):
    """The grid cannot be used, or its results cannot be written; the message is one line."""
