"""The group of galaxies of which least are right, and whether it is to be minded."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from evaluation.intervals import wilson
from report.run.figures.plot import SURE

SMALL_GROUP = 20
"""Galaxies below which a group says nothing: with 20 of 20 right, 95 % intervals still reach down to 0.84."""
FEW = "With so few galaxies nothing can be concluded."

Verdict = Literal["few", "alike", "chance", "different"]


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
        One entry of what `report.run.group_numbers.group_numbers` returns, with two groups at least.

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
        _verdict(min(worst["n"], others), chance),
    )


def _verdict(least: int, chance: float | None) -> Verdict:
    if least < SMALL_GROUP:
        return "few"
    if chance is None:
        return "alike"
    return "different" if chance < SURE else "chance"
