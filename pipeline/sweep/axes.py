"""Axes of a sweep: the keys of the configuration that vary, and their values."""

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence

from preprocessing.bands import rgb_title
from report.sweep.errors import SweepError
from report.sweep.points import AXES, toml_value

_SHARED = ("data.bands", "data.stamp_size")
_IDLE = ("pipeline", "gate", "decision", "serving", "push")
_KEY = re.compile(r"[A-Za-z_]\w*\.[A-Za-z_]\w*")


def read_axes(
    options: Mapping[str, Sequence[str] | None], others: Iterable[str] = ()
) -> dict[str, tuple[str, ...]]:
    """Return the axes given on a command line.

    Parameters
    ----------
    options : mapping of str to sequence of str or None
        For each name of `AXES`, every use of its option; values are separated by commas.
    others : iterable of str
        ``section.key=value,value``, one for each ``--axis``.

    Returns
    -------
    dict of str to tuple of str
        See `normal_axes`.

    Raises
    ------
    SweepError
        See `normal_axes`.
    """
    axes: dict[str, list[str]] = {}

    def add(name: str, text: str) -> None:
        name = _short_name(name)
        if name in axes:
            raise SweepError(f"{_option(name)} is given twice; separate its values by commas")
        axes[name] = split_values(text)

    for name in AXES:
        for text in options.get(name) or ():
            add(name, text)
    for other in others:
        name, equals, text = other.partition("=")
        if not equals:
            raise SweepError(f"--axis {other}: must have the form section.key=value,value")
        add(name.strip(), text)
    return normal_axes(axes)


def normal_axes(axes: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Return axes under their short names, with values in their normal spelling.

    Parameters
    ----------
    axes : mapping of str to sequence of str
        By a name of `AXES` or ``section.key``. A value is TOML; what is not valid TOML is taken as text.

    Returns
    -------
    dict of str to tuple of str
        In the same order. Bands are spelled as a preset or ``R-F660-G``.

    Raises
    ------
    SweepError
        If an axis is unknown, given twice or of no effect; if it has no value, an empty one, or one twice; or
        if bands or a cut are not valid.
    """
    normal: dict[str, tuple[str, ...]] = {}
    for given, values in axes.items():
        name = _short_name(given)
        _check_name(name)
        if name in normal:
            raise SweepError(f"{_option(name)} is given twice")
        normal[name] = _values(name, values)
    return normal


def split_values(text: str) -> list[str]:
    """Split values at commas outside of TOML's brackets, braces and quotes."""
    values, depth, quote, start = [], 0, "", 0
    for place, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            # A quote that does not begin a value is an apostrophe.
            if depth > 0 or not text[start:place].strip():
                quote = character
        elif character in "[{":
            depth += 1
        elif character in "]}":
            depth -= 1
        elif character == "," and depth <= 0:
            values.append(text[start:place])
            start = place + 1
    return [*values, text[start:]]


def _short_name(name: str) -> str:
    return next((short for short, key in AXES.items() if key == name), name)


def _option(name: str) -> str:
    return f"--{name}" if name in AXES else f"--axis {name}"


def _check_name(name: str) -> None:
    if name in AXES:
        return
    if not _KEY.fullmatch(name):
        near = difflib.get_close_matches(name, AXES, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise SweepError(f"--axis {name}: must be section.key, or one of {', '.join(AXES)}{hint}")
    if name in _SHARED:
        raise SweepError(f"--axis {name}: cannot vary, because all points share one ingest; use --set")
    section = name.partition(".")[0]
    if section in _IDLE:
        raise SweepError(f"--axis {name}: [{section}] does not affect the cross-validation")


def _values(name: str, texts: Sequence[str]) -> tuple[str, ...]:
    values: dict[str, str] = {}
    for text in texts:
        if not text.strip():
            raise SweepError(f"{_option(name)}: a value is empty")
        if not text.isprintable():
            raise SweepError(f"{_option(name)}: {text!r} contains a character that cannot be printed")
        value = _normal_value(name, text.strip())
        meaning = _meaning(value)
        if meaning in values:
            twice = value if values[meaning] == value else f"{values[meaning]} and {value}, the same value,"
            raise SweepError(f"{_option(name)}: {twice} must not be given twice")
        values[meaning] = value
    if not values:
        raise SweepError(f"{_option(name)}: no value is given")
    return tuple(values.values())


def _normal_value(name: str, text: str) -> str:
    value = toml_value(text)
    if name == "rgb":
        try:
            return rgb_title(value if isinstance(value, list) else str(value))
        except (ValueError, AttributeError) as error:
            raise SweepError(f"--rgb: {error}") from error
    if name == "cut":
        if not isinstance(value, int) or isinstance(value, bool):
            raise SweepError(f"--cut: {text!r} is not a whole number of pixels")
        return str(value)
    return text


def _meaning(text: str) -> str:
    """Return a key for comparing values: the same for 3 and 3.0, but not for true and 1."""
    value = toml_value(text)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, default=str, sort_keys=True)
