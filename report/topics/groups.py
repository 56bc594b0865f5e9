"""Test accuracy in groups by magnitude, size, position, noise and blank pixels, and the worst groups."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from evaluation.comparison import SIGNIFICANCE, p_text
from evaluation.formats.galaxies import Galaxies
from evaluation.formats.predictions import Predictions
from evaluation.groups import UNKNOWN, Group, by_quantile, by_value, range_titles
from evaluation.intervals import wilson
from preprocessing.features import TEST
from report.html.formats import count_of, format_measure, format_percent
from report.topics.words import right_text

MOST_FIELDS = 16
"""Largest number of sky fields compared one by one; with more fields, positions are compared instead."""
SHUFFLES = 2000

SMALL_GROUP = 20
"""Smallest group that is judged: even with 20 of 20 right, the 95 % interval reaches down to 0.84."""
FEW = "There are too few galaxies to draw a conclusion."

_ALIKE = "All groups have the same accuracy."

Verdict = Literal["few", "alike", "chance", "different"]

PROPERTIES = {
    ("magnitude",): "magnitude",
    ("size",): "side of the stamp",
    ("field", "ra", "dec"): "place",
    ("noise",): "sky noise",
    ("blank",): "blank pixels",
}
"""Property that one or several kinds of groups describe."""

# A part of a name such as STRIPE82-0036, SPLUS-n02s10 or HYDRA-0012.
_FIELD = re.compile(r"(?:^|[._ ])([A-Za-z]+\d*-[a-z]?\d+[A-Za-z0-9]*)(?=[._ ]|$)")


def group_numbers(predictions: Predictions, galaxies: Galaxies | None) -> dict[str, dict[str, Any]]:
    """Return the accuracy in groups of the test split's galaxies.

    Parameters
    ----------
    predictions : Predictions
    galaxies : Galaxies or None
        None if only positions and names are known.

    Returns
    -------
    dict of dict
        For each known property of ``magnitude``, ``size``, ``noise``, ``blank``, and ``field`` or ``ra`` and
        ``dec``: ``title``, with the unit; ``groups``, a list of {title, low, high, n, accuracy, interval};
        ``chance``, see `chance_of_equality`.
    """
    rows = predictions.rows(TEST)
    labels, p = predictions.labels[rows], predictions.p_elliptical[rows]
    found: dict[str, dict[str, Any]] = {}
    if not len(rows):
        return found

    def add(key: str, title: str, groups: list[Group]) -> None:
        if any(group.title != UNKNOWN for group in groups):
            plain = [asdict(group) for group in groups]
            found[key] = {"title": title, "groups": plain, "chance": chance_of_equality(groups)}

    if galaxies is not None:
        add("magnitude", "magnitude [mag]", by_quantile(galaxies.magnitude[rows], labels, p))
        add("size", "side of the stamp [pixels]", by_quantile(galaxies.height[rows], labels, p))
    names = predictions.names.take(pa.array(rows)).to_pylist()
    fields = [sky_field(name) for name in names]
    if 1 < len(set(fields) - {""}) <= MOST_FIELDS:
        add("field", "sky field", by_value(fields, labels, p))
    else:
        groups = by_quantile(unwrapped(predictions.ra[rows]), labels, p)
        add("ra", "right ascension [deg]", _wrapped(groups))
        add("dec", "declination [deg]", by_quantile(predictions.dec[rows], labels, p))
    if galaxies is not None:
        noise = relative_noise(galaxies.statistics["noise"], rows)
        add("noise", "sky noise [median of the band]", by_quantile(noise, labels, p))
        blank = largest(galaxies.statistics["blank"], rows)
        add("blank", "blank pixels, of the worst band [fraction]", by_quantile(blank, labels, p))
    return found


def unknown_properties(numbers: Mapping[str, Any]) -> list[str]:
    """Return the properties that are not known for any test galaxy.

    Parameters
    ----------
    numbers : mapping
        See `report.topics.numbers.run_numbers`.

    Returns
    -------
    list of str
        Empty without test galaxies.
    """
    if not numbers["test"]["n"]:
        return []
    return [title for keys, title in PROPERTIES.items() if not any(key in numbers["groups"] for key in keys)]


def chance_of_equality(groups: Sequence[Group], seed: int = 0) -> float | None:
    """Return the p-value of a permutation test for equal accuracy in all groups.

    Parameters
    ----------
    groups : sequence of Group
    seed : int
        Seed of the permutations.

    Returns
    -------
    float or None
        Share of `SHUFFLES` random permutations, plus the observed assignment, in which chi squared is at
        least as large as observed. None with fewer than two groups, and if all galaxies are right or all are
        wrong.
    """
    n = np.array([group.n for group in groups])
    right = np.array([round(group.n * group.accuracy) for group in groups])
    if len(n) < 2 or not 0 < right.sum() < n.sum():
        return None
    # With fixed totals, chi squared is proportional to this sum.
    shuffled = np.random.default_rng(seed).multivariate_hypergeometric(n, right.sum(), SHUFFLES, "marginals")
    expected = n * (right.sum() / n.sum())
    here = ((right - expected) ** 2 / n).sum()
    others = ((shuffled - expected) ** 2 / n).sum(axis=1)
    return float((1 + (others >= here * (1 - 1e-9)).sum()) / (1 + SHUFFLES))


def sky_field(name: str) -> str:
    """Return the sky field in a galaxy's name, such as STRIPE82-0036; empty if there is none."""
    found = _FIELD.search(name)
    return found.group(1) if found else ""


def unwrapped(ra: np.ndarray) -> np.ndarray:
    """Return right ascensions whose jump by 360 degrees lies in the widest range without galaxies."""
    known = np.sort(np.unique(ra[np.isfinite(ra)]) % 360)
    if len(known) < 2:
        return ra
    gaps = np.diff(known, append=known[0] + 360)
    start = known[(np.argmax(gaps) + 1) % len(known)]
    if start == known[0]:
        return ra % 360
    # Angles below the start are those east of the jump.
    return np.where(ra % 360 < start, ra % 360, ra % 360 - 360)


def _wrapped(groups: Sequence[Group]) -> list[Group]:
    """Return groups of right ascensions with titles in 0 to 360 degrees."""
    ends = {
        place: (group.low % 360, group.high % 360)
        for place, group in enumerate(groups)
        if group.low is not None and group.high is not None
    }
    titles = dict(zip(ends, range_titles(list(ends.values())), strict=True))
    return [replace(group, title=titles.get(place, group.title)) for place, group in enumerate(groups)]


def relative_noise(noise: Mapping[str, np.ndarray], rows: np.ndarray) -> np.ndarray:
    """Return the noise in units of the band's median, averaged over bands; NaN where unknown."""
    parts = []
    for values in noise.values():
        mine = values[rows].astype(np.float64)
        known = mine[np.isfinite(mine)]
        median = np.median(known) if len(known) else 0.0
        if median > 0:
            parts.append(mine / median)
    return np.mean(parts, axis=0) if parts else np.full(len(rows), np.nan)


def largest(blank: Mapping[str, np.ndarray], rows: np.ndarray) -> np.ndarray:
    """Return the largest value among the bands; NaN where unknown."""
    parts = [values[rows].astype(np.float64) for values in blank.values()]
    return np.max(parts, axis=0) if parts else np.full(len(rows), np.nan)


@dataclass(frozen=True)
class WorstGroup:
    """The group with the lowest accuracy, and all other groups together.

    Attributes
    ----------
    title : str
    right, n : int
    interval : (float, float)
        Wilson's interval of the accuracy.
    others_right, others : int
    others_interval : (float, float)
    verdict : str
        ``few``: this group, or all others together, have fewer than `SMALL_GROUP` galaxies; ``alike``: all
        galaxies are right, or all are wrong; ``chance``: the groups do not differ significantly;
        ``different``: they do.
    """

    title: str
    right: int
    n: int
    interval: tuple[float, float]
    others_right: int
    others: int
    others_interval: tuple[float, float]
    verdict: Verdict

    @property
    def accuracy(self) -> float:
        """The share that is right."""
        return self.right / self.n

    @property
    def overlap(self) -> bool:
        """Whether the intervals of the group and of all others overlap."""
        one, other = self.interval, self.others_interval
        return one[0] <= other[1] and other[0] <= one[1]


def worst_group(numbers: Mapping[str, Any]) -> WorstGroup:
    """Return the group with the lowest accuracy; of several, the largest one.

    Parameters
    ----------
    numbers : mapping
        One entry of the result of `group_numbers`, with at least two groups.

    Returns
    -------
    WorstGroup
    """
    groups, chance = numbers["groups"], numbers["chance"]
    worst = min(groups, key=lambda group: (group["accuracy"], -group["n"]))
    right = round(worst["accuracy"] * worst["n"])
    others = sum(group["n"] for group in groups) - worst["n"]
    others_right = sum(round(group["accuracy"] * group["n"]) for group in groups) - right
    low, high = worst["interval"]
    return WorstGroup(
        worst["title"],
        right,
        worst["n"],
        (low, high),
        others_right,
        others,
        wilson(others_right, others),
        _verdict_of(min(worst["n"], others), chance),
    )


def _verdict_of(least: int, chance: float | None) -> Verdict:
    if least < SMALL_GROUP:
        return "few"
    if chance is None:
        return "alike"
    return "different" if chance < SIGNIFICANCE else "chance"


def warning(group: Mapping[str, Any]) -> str:
    """Return a warning if accuracy depends significantly on a property; otherwise an empty string.

    Parameters
    ----------
    group : mapping
        One entry of the result of `group_numbers`.

    Returns
    -------
    str
    """
    if len(group["groups"]) < 2:
        return ""
    worst = worst_group(group)
    if worst.verdict != "different":
        return ""
    return (
        f"Accuracy depends on {plain_title(group['title'])}: at {worst.title} it is"
        f" {format_measure(worst.accuracy, 3)} ({p_text(group['chance'])})."
    )


def figure_text(numbers: Mapping[str, Any]) -> str:
    """Return the text under the figure of a property: the worst group, and whether the groups differ."""
    worst, chance = worst_group(numbers), numbers["chance"]
    found = (
        f"The lowest accuracy is {format_percent(worst.accuracy)}, at {worst.title}"
        f" ({count_of(worst.n, 'galaxy', 'galaxies')})."
    )
    if worst.verdict == "few":
        return f"{found if chance is not None else _ALIKE} {FEW}"
    if chance is None:
        return _ALIKE
    measured = f"({p_text(chance)})"
    if worst.verdict == "different":
        return f"{found} The groups differ significantly {measured}."
    return f"{found} The groups do not differ significantly {measured}."


def card_text(numbers: Mapping[str, Any]) -> str:
    """Return the text of the model card on a property: the worst group, and whether the groups differ."""
    every: Sequence[Mapping[str, Any]] = numbers["groups"]
    known = [group for group in every if group["title"] != UNKNOWN]
    unknown = sum(group["n"] for group in every) - sum(group["n"] for group in known)
    note = (
        f" The value is not known for {count_of(unknown, 'test galaxy', 'test galaxies')}." if unknown else ""
    )
    if len(every) < 2:
        return f"All test galaxies have {known[0]['title']}, so there are no groups to compare."
    worst = worst_group(numbers)
    if numbers["chance"] is None:
        return f"{_ALIKE}{f' {FEW}' if worst.verdict == 'few' else ''}{note}"
    where = f"where it is {UNKNOWN}" if worst.title == UNKNOWN else f"at {worst.title}"
    found = f"Worst {where}: {right_text(worst.right, worst.n, 'galaxies')}"
    others = right_text(worst.others_right, worst.others, "other galaxies")
    return f"{found}; {others}. {_verdict(worst, numbers['chance'])}{note}"


def _verdict(worst: WorstGroup, chance: float) -> str:
    if worst.verdict == "few":
        return FEW
    intervals = "overlap" if worst.overlap else "do not overlap"
    measured = f"({p_text(chance)}; the intervals {intervals})"
    if worst.verdict == "chance":
        return f"The groups do not differ significantly {measured}."
    warning = "errors may be more frequent there" if worst.overlap else "expect more errors there"
    return f"The groups differ significantly {measured}: {warning}."


def plain_title(title: str) -> str:
    """Return a title without its unit."""
    return title.split(" [")[0]
