"""Words for counts, shares and intervals, as all sentences of a report have them."""

from collections.abc import Callable, Sequence

from evaluation.intervals import LEVEL, wilson
from report.html.formats import format_count, format_measure, format_percent


def within(interval: Sequence[float] | None, write: Callable[[float], str] = format_measure) -> str:
    """Return an interval in brackets, or nothing."""
    if interval is None:
        return ""
    low, high = map(write, interval)
    return f" ({LEVEL:.0%} interval {low} to {high})".replace("%", "\N{NO-BREAK SPACE}%", 1)


def right_of(right: int, n: int) -> str:
    """Return how many of some galaxies are right, with Wilson's interval."""
    interval = within(wilson(right, n), format_percent)
    return f"{format_percent(right / n)} of {format_count(n)} are right{interval}"


def share_of(part: int, n: int, what: str) -> str:
    """Return how many of some galaxies are of some kind, with the share and Wilson's interval."""
    low, high = (format_percent(end) for end in wilson(part, n))
    share = f"{format_percent(part / n)}, 95 % interval {low} to {high}"
    return f"{format_count(part)} of {format_count(n)} {what} ({share})"
