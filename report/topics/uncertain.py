"""Galaxies labelled uncertain, compared with the test split."""

from collections.abc import Mapping
from typing import Any

from evaluation.comparison import SIGNIFICANCE, p_text
from evaluation.shares import fisher
from report.html.formats import count_of, format_percent
from report.topics.words import share_of, within


def figure_text(numbers: Mapping[str, Any]) -> str:
    """Say whether the model calls them uncertain more often than test galaxies.

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
    # The decision interval counts galaxies without a probability as uncertain; this share does not.
    n = numbers["test"]["n"] - numbers["test"]["not_finite"]
    if not n:
        return f"{text}."
    part = round(fixed["share_uncertain"] * fixed["n"]) - numbers["test"]["not_finite"]
    called, of = round(share * found["n"]), found["n"] - found["not_finite"]
    chance = fisher(called, of, part, n)
    text = f"{text}, against {format_percent(part / n)} of {count_of(n, 'test galaxy', 'test galaxies')}"
    measured = f"(Fisher's exact test: {p_text(chance)})"
    if chance >= SIGNIFICANCE:
        return f"{text}. The difference is not significant {measured}."
    if called / of < part / n:
        return f"{text}. It calls them uncertain significantly less often {measured}."
    rest = "" if share >= 0.5 else ", but it calls most of them spiral or elliptical"
    return f"{text}. It calls them uncertain significantly more often {measured}{rest}."


def card_text(uncertain: Mapping[str, Any] | None, interval: tuple[float, float]) -> str:
    """Say on the model card how many of them lie outside the decision interval `interval`."""
    if not uncertain:
        return "No galaxy is labelled uncertain, so the model was not tested on such galaxies."
    n = uncertain["n"]
    sure = n - round(uncertain["fraction_uncertain"] * n) - uncertain["not_finite"]
    return (
        f"{share_of(sure, n, 'galaxies labelled uncertain')} get a probability outside"
        f" {interval[0]:g} to {interval[1]:g}: the model calls them spiral or elliptical although the table"
        " gives them neither class."
    )
