"""Formatting of numbers."""

import math

UNKNOWN = "–"
"""Stands for a number that is not known."""


def format_count(value: int) -> str:
    """Return an integer with thousands separators."""
    return f"{value:,}"


def count_of(number: int, singular: str, plural: str = "") -> str:
    """Return a number with its noun."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def format_number(value: float | None) -> str:
    """Return a number with three significant digits, or a dash if it is unknown."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return f"{value:.3g}"


def format_measure(value: float | None, digits: int = 4) -> str:
    """Return a measure such as an accuracy, or a dash if it is unknown."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return f"{value:.{digits}f}"


def format_signed(value: float | None) -> str:
    """Return a difference with its sign."""
    if value is None:
        return UNKNOWN
    text = f"{value:+.4f}".replace("-", "−")
    return text if text.strip("+−0.") else "0.0000"


def format_percent(value: float | None, digits: int = 1) -> str:
    """Return a share in percent, with a no-break space, or a dash if it is unknown."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return f"{100 * value:.{digits}f}\N{NO-BREAK SPACE}%"


def format_probability(value: float | None) -> str:
    """Return a probability, never rounded to 0 or 1, or a dash if it is unknown."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return "< 0.001" if value < 0.001 else "> 0.999" if value > 0.999 else f"{value:.3f}"


def format_duration(seconds: float | None) -> str:
    """Return a duration in seconds, minutes or hours."""
    if seconds is None:
        return UNKNOWN
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
