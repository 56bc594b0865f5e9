"""Faults that a user can mend."""


class CatalogError(ValueError):
    """A catalogue cannot be made; the message is one line that names the file or the option."""
