"""Wording of counts, shares and intervals in the sentences of a report."""

from collections.abc import Callable, Sequence

from evaluation.intervals import LEVEL, wilson
from report.html.formats import format_count, format_measure, format_percent


def within(interval: Sequence[float] | None, write: Callable[[float], str] = format_measure) -> str:
    """Return an interval in parentheses; empty without an interval."""
    if interval is None:
        return ""
    low, high = map(write, interval)
    return f" ({LEVEL:.0%} interval {low} to {high})".replace("%", "\N{NO-BREAK SPACE}%", 1)


def right_text(right: int, n: int, what: str) -> str:
    """Return the share of galaxies that are classified correctly, with Wilson's interval."""
    interval = within(wilson(right, n), format_percent)
    return f"{format_percent(right / n)} of {format_count(n)} {what} are correct{interval}"


def share_of(part: int, n: int, what: str) -> str:
    """Return a number of galaxies with their share of all and Wilson's interval."""
    low, high = (format_percent(end) for end in wilson(part, n))
    share = f"{format_percent(part / n)}, 95 % interval {low} to {high}"
    return f"{format_count(part)} of {format_count(n)} {what} ({share})"
