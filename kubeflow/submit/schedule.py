"""Cron expressions. KFP puts a field of seconds first."""

import re

from kubeflow.submit.errors import SubmitError

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("second", 0, 59, ()),
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 6, _DAYS),
)
_DESCRIPTOR = re.compile(r"@(yearly|annually|monthly|weekly|daily|midnight|hourly|every (\d+(h|m|s))+)")
_RANGE = re.compile(r"(?P<low>\w+)(-(?P<high>\w+))?")


def kfp_cron(expression: str) -> str:
    """Return a cron expression as KFP takes it.

    Parameters
    ----------
    expression : str
        Five fields, as cron has them (minute, hour, day of the month, month, day of the week); six with
        seconds first; or ``@daily`` and the like. KFP would take five fields too, but read the minute as
        the second and so on.

    Returns
    -------
    str
        Six fields, or the descriptor.

    Raises
    ------
    SubmitError
        If KFP would refuse it.
    """
    text = " ".join(expression.split())
    if text.startswith("@"):
        if not _DESCRIPTOR.fullmatch(text):
            raise SubmitError(
                f"--cron {text!r}: write @hourly, @daily, @weekly, @monthly, @yearly or @every 12h"
            )
        return text
    fields = text.split(" ") if text else []
    if len(fields) == 5:
        fields.insert(0, "0")
    if len(fields) != 6:
        raise SubmitError(
            f"--cron {text!r} has {len(fields)} fields; write five (minute, hour, day of the month, month, "
            "day of the week) or six (seconds first)"
        )
    for field, (name, low, high, names) in zip(fields, _FIELDS, strict=True):
        if problem := _problem(field, low, high, names):
            raise SubmitError(f"--cron {text!r}: the {name}, {field}, {problem}")
    return " ".join(fields)


def _problem(field: str, low: int, high: int, names: tuple[str, ...]) -> str:
    for part in field.split(","):
        span, mark, step = part.partition("/")
        if mark and not (step.isdecimal() and int(step) > 0):
            return "has no whole number above 0 after /"
        if span in ("*", "?"):
            continue
        ends = _RANGE.fullmatch(span)
        if ends is None:
            return "is none of a number, a range, * or a list of these"
        numbers = [_number(end, low, names) for end in (ends["low"], ends["high"]) if end is not None]
        if any(number is None or not low <= number <= high for number in numbers):
            return f"is not within {low} to {high}{' (0 is Sunday)' if names is _DAYS else ''}"
        if len(numbers) == 2 and (numbers[0] or 0) > (numbers[1] or 0):
            return "is a range that ends before it begins"
    return ""


def _number(text: str, low: int, names: tuple[str, ...]) -> int | None:
    if text.isdecimal():
        return int(text)
    return names.index(text.lower()) + low if text.lower() in names else None
