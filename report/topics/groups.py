"""Accuracy on the test split by what else is known of the galaxies, and the worst group of each property."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from evaluation.comparison import SIGNIFICANCE, chance_text
from evaluation.formats.galaxies import Galaxies
from evaluation.formats.predictions import Predictions
from evaluation.groups import UNKNOWN, Group, by_quantile, by_value, range_titles
from evaluation.intervals import wilson
from preprocessing.features import TEST
from report.html.formats import count_of, format_count, format_measure, format_percent
from report.topics.words import right_of

MOST_FIELDS = 16
"""Sky fields that are compared one by one; more have too few galaxies each, and positions are compared."""
SHUFFLES = 2000

SMALL_GROUP = 20
"""Galaxies below which a group says nothing: with 20 of 20 right, 95 % intervals still reach down to 0.84."""
FEW = "With so few galaxies nothing can be concluded."

Verdict = Literal["few", "alike", "chance", "different"]

PROPERTIES = {
    ("magnitude",): "magnitude",
    ("size",): "side of the stamp",
    ("field", "ra", "dec"): "place",
    ("noise",): "sky noise",
    ("blank",): "blank pixels",
}
"""What each of the groups, or any of several, tells of."""

# A part of a name such as STRIPE82-0036, SPLUS-n02s10 or HYDRA-0012.
_FIELD = re.compile(r"(?:^|[._ ])([A-Za-z]+\d*-[a-z]?\d+[A-Za-z0-9]*)(?=[._ ]|$)")


def group_numbers(predictions: Predictions, galaxies: Galaxies | None) -> dict[str, dict[str, Any]]:
    """Return the accuracy in groups of the test split's galaxies.

    Parameters
    ----------
    predictions : Predictions
    galaxies : Galaxies or None
        None: only positions and names are known.

    Returns
    -------
    dict of dict
        For ``magnitude``, ``size``, ``noise``, ``blank``, and ``field`` or ``ra`` and ``dec``, as far as
        something is known of them: ``title``, with the unit; ``groups``, a list of {title, low, high, n,
        accuracy, interval}; ``chance``, see `chance_of_equality`.
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
    """Return the properties that are known of no test galaxy.

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
    """Return how often groups of equal accuracy would differ so much or more.

    Parameters
    ----------
    groups : sequence of Group
    seed : int
        Of the shuffling.

    Returns
    -------
    float or None
        Share of `SHUFFLES` random exchanges of galaxies between the groups in which chi squared of right and
        wrong is as large as here, this one counted in. None with less than two groups, and where all galaxies
        are right or all are wrong.
    """
    n = np.array([group.n for group in groups])
    right = np.array([round(group.n * group.accuracy) for group in groups])
    if len(n) < 2 or not 0 < right.sum() < n.sum():
        return None
    # Given the totals, chi squared is this sum but for a factor.
    shuffled = np.random.default_rng(seed).multivariate_hypergeometric(n, right.sum(), SHUFFLES, "marginals")
    expected = n * (right.sum() / n.sum())
    here = ((right - expected) ** 2 / n).sum()
    others = ((shuffled - expected) ** 2 / n).sum(axis=1)
    return float((1 + (others >= here * (1 - 1e-9)).sum()) / (1 + SHUFFLES))


def sky_field(name: str) -> str:
    """Return the field that a galaxy's name carries, such as STRIPE82-0036; empty if there is none."""
    found = _FIELD.search(name)
    return found.group(1) if found else ""


def unwrapped(ra: np.ndarray) -> np.ndarray:
    """Return right ascensions without the jump at 360 degrees: it is moved into the widest empty range."""
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
    """The worst group, and all others together.

    Attributes
    ----------
    title : str
    right, n : int
    interval : (float, float)
        Wilson's, of the share that is right.
    others_right, others : int
    others_interval : (float, float)
    verdict : str
        ``few``: the group, or all others, are fewer than `SMALL_GROUP`; ``alike``: all galaxies are right, or
        all are wrong; ``chance``: equal groups may well differ so much; ``different``: they rarely would.
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
    """Return the group of which least are right; of several the largest one.

    Parameters
    ----------
    numbers : mapping
        One entry of what `group_numbers` returns, with two groups at least.

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
    """Say that accuracy depends on a property; empty where it is not known to.

    Parameters
    ----------
    group : mapping
        One entry of what `group_numbers` returns.

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
        f" {format_measure(worst.accuracy, 3)} (p {chance_text(group['chance'])})."
    )


def figure_text(numbers: Mapping[str, Any]) -> str:
    """Say under the figure of a property which group is worst, and whether that is to be minded."""
    worst, chance = worst_group(numbers), numbers["chance"]
    found = (
        f"Least is right at {worst.title}, {format_percent(worst.accuracy)} of"
        f" {count_of(worst.n, 'galaxy', 'galaxies')}"
    )
    if worst.verdict == "few":
        return f"{found if chance is not None else 'All groups are alike'}. {FEW}"
    if chance is None:
        return "All groups are alike: nothing to tell apart."
    measured = f"(p {chance_text(chance)})"
    if worst.verdict == "different":
        return f"{found}; equal groups would rarely differ so much {measured}: mind this group."
    return f"{found}, but equal groups may well differ so much {measured}."


def card_text(numbers: Mapping[str, Any]) -> str:
    """Say on the model card which group of a property is worst, and whether that is to be minded."""
    every: Sequence[Mapping[str, Any]] = numbers["groups"]
    known = [group for group in every if group["title"] != UNKNOWN]
    unknown = sum(group["n"] for group in every) - sum(group["n"] for group in known)
    note = f" It is not known of {format_count(unknown)} test galaxies." if unknown else ""
    if len(every) < 2:
        return f"All test galaxies have {known[0]['title']}, so there are no groups to compare."
    worst = worst_group(numbers)
    where = f"where it is {UNKNOWN}" if worst.title == UNKNOWN else f"at {worst.title}"
    found = f"Worst {where}: {right_of(worst.right, worst.n)}"
    others = right_of(worst.others_right, worst.others)
    return f"{found}; of all others {others}. {_verdict(worst, numbers['chance'])}{note}"


def _verdict(worst: WorstGroup, chance: float | None) -> str:
    if worst.verdict == "few":
        return FEW
    if chance is None:
        return "All groups are alike."
    intervals = "overlap" if worst.overlap else "do not overlap"
    measured = f"(p {chance_text(chance)}; the intervals {intervals})"
    if worst.verdict == "chance":
        often = f"Chance alone makes equal groups differ so much often enough {measured}"
        return f"{often}: nothing can be concluded."
    warning = "be wary there" if worst.overlap else "expect more errors there"
    return f"Chance alone would rarely make equal groups differ so much {measured}: {warning}."


def plain_title(title: str) -> str:
    """Return a title without its unit."""
    return title.split(" [")[0]
