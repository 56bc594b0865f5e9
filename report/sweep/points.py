"""A point of a sweep: the settings by which it differs, and what it is called."""

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
"""Axes that have an option of their own, and the keys that they vary."""

CONFIGURED = "as configured"
"""Label of the one point of a grid without axes."""

_BARE = ("rgb", "backbone")  # their values say by themselves what they are


@dataclass(frozen=True)
class Point:
    """One setting that is cross-validated.

    Attributes
    ----------
    label : str
        Short and readable: ``IRG stretch 3 cut 128``.
    slug : str
        The same as a folder's name; different for every point, also where case does not count.
    values : dict of str to str
        By the axis' name, see `pipeline.sweep.axes.normal_axes`.
    overrides : tuple of str
        ``section.key=value`` that make this point of the configuration.
    """

    label: str
    slug: str
    values: dict[str, str]
    overrides: tuple[str, ...]


def key_of(name: str) -> str:
    """Return the ``section.key`` that an axis varies."""
    return AXES.get(name, name)


def describe(values: Mapping[str, str]) -> str:
    """Return a short label such as ``IRG stretch 3 cut 128``; empty where nothing varies."""
    last = Counter(name.rpartition(".")[2] for name in values)
    parts = []
    for name, value in values.items():
        short = name.rpartition(".")[2]
        parts.append(value if name in _BARE else f"{short if last[short] == 1 else name} {value}")
    return " ".join(parts)


def own_ingest(axes: Iterable[str]) -> list[str]:
    """Return the axes that change which galaxies there are, or their flux: no ingest can be shared."""
    return [name for name in axes if key_of(name).startswith(("data.", "split."))]


def is_number(text: str) -> bool:
    """Tell whether a value is a number in TOML's spelling."""
    value = toml_value(text)
    return isinstance(value, int | float) and not isinstance(value, bool)


def toml_value(text: str) -> Any:
    """Return a value in TOML's spelling, or the text itself where it is none."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
