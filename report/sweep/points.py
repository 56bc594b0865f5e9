"""A point of a sweep: its values of the axes, and its label."""

import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

AXES = {
    "rgb": "image.rgb",
    "stretch": "image.stretch",
    "cut": "image.cut",
    "size": "image.size",
    "q": "image.q",
    "backbone": "model.backbone",
}
"""Axes with a command-line option of their own, and their configuration keys."""

CONFIGURED = "as configured"
"""Label of the one point of a grid without axes."""

_BARE = ("rgb", "backbone")  # their values are clear without the name of the axis


@dataclass(frozen=True)
class Point:
    """One setting that is cross-validated.

    Attributes
    ----------
    label : str
        Short and readable: ``IRG stretch 3 cut 128``.
    slug : str
        The label as a folder name; unique, even if upper and lower case are not distinguished.
    values : dict of str to str
        Values by name of the axis, see `pipeline.sweep.axes.normal_axes`.
    overrides : tuple of str
        Overrides of the configuration, each ``section.key=value``.
    """

    label: str
    slug: str
    values: dict[str, str]
    overrides: tuple[str, ...]


def key_of(name: str) -> str:
    """Return the ``section.key`` that an axis varies."""
    return AXES.get(name, name)


def describe(values: Mapping[str, str]) -> str:
    """Return a short label such as ``IRG stretch 3 cut 128``; empty if nothing varies."""
    last = Counter(name.rpartition(".")[2] for name in values)
    parts = []
    for name, value in values.items():
        short = name.rpartition(".")[2]
        parts.append(value if name in _BARE else f"{short if last[short] == 1 else name} {value}")
    return " ".join(parts)


def own_ingest(axes: Iterable[str]) -> list[str]:
    """Return the axes that change the galaxies or their flux, so that their values cannot share an ingest."""
    return [name for name in axes if key_of(name).startswith(("data.", "split."))]


def is_number(text: str) -> bool:
    """Return whether a value is a number in TOML syntax."""
    value = toml_value(text)
    return isinstance(value, int | float) and not isinstance(value, bool)


def toml_value(text: str) -> Any:
    """Parse a value in TOML syntax; return the text itself if it is not TOML."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
