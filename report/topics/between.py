"""Galaxies that the table calls uncertain, against those of the test split."""

from collections.abc import Mapping
from typing import Any

from evaluation.comparison import SIGNIFICANCE, chance_text
from evaluation.shares import fisher
from report.html.formats import count_of, format_percent
from report.topics.words import share_of, within


def figure_text(numbers: Mapping[str, Any]) -> str:
    """Say whether the model doubts them more often than test galaxies.

    Parameters
    ----------
    numbers : mapping
        See `report.topics.numbers.run_numbers`; with such galaxies.

    Returns
    -------
    str
    """
    found, fixed = numbers["uncertain"], numbers["decision"]["fixed"]["test"]
    share, interval = found["fraction_uncertain"], within(found["interval"], format_percent)
    text = f"The model calls {format_percent(share)}{interval} of them uncertain"
    # An interval calls uncertain what has no probability; the share of these galaxies does not.
    n = numbers["test"]["n"] - numbers["test"]["not_finite"]
    if not n:
        return f"{text}."
    part = round(fixed["share_uncertain"] * fixed["n"]) - numbers["test"]["not_finite"]
    called, of = round(share * found["n"]), found["n"] - found["not_finite"]
    chance = fisher(called, of, part, n)
    text = f"{text}, against {format_percent(part / n)} of {count_of(n, 'test galaxy', 'test galaxies')}"
    measured = f"(Fisher's exact test: p {chance_text(chance)})"
    if chance >= SIGNIFICANCE:
        return f"{text}: whether it doubts them more often cannot be told {measured}."
    if called / of < part / n:
        return f"{text}: it doubts them less often {measured}."
    yet = "" if share >= 0.5 else ", yet it is sure of most"
    return f"{text}: it doubts them more often {measured}{yet}."


def card_text(uncertain: Mapping[str, Any] | None, interval: tuple[float, float]) -> str:
    """Say on the model card how many lie outside `interval`, the one that is called uncertain."""
    if not uncertain:
        return (
            "The table calls no galaxy uncertain: what the model says of galaxies between the classes is not"
            " known."
        )
    n = uncertain["n"]
    sure = n - round(uncertain["fraction_uncertain"] * n) - uncertain["not_finite"]
    return (
        f"{share_of(sure, n, 'galaxies that the table calls uncertain')} get a probability outside"
        f" {interval[0]:g} to {interval[1]:g}: the model calls them spiral or elliptical where people did not"
        " agree."
    )
