"""Votes of volunteers on a simulated galaxy, in the format of Galaxy Zoo 2."""

from dataclasses import dataclass

import numpy as np

from simulation.population import Galaxy


@dataclass(frozen=True)
class Votes:
    """One row of the labels table.

    Attributes
    ----------
    total_classifications : int
        Number of volunteers.
    answers : tuple of int
        Numbers of those who answered smooth, features or disc, star or artefact.
    smooth, features_or_disk, star_or_artifact : float
        Debiased fractions of the answers to the first question; they need not add up to 1.
    not_edge_on : float
        Fraction of those who saw a disc who did not see it edge-on.
    arms_answers : tuple of int
        Number of volunteers who saw spiral arms, and number of those who saw none.
    spiral : float
        Debiased fraction of those who, having seen a disc not edge-on, saw spiral arms.
    gz2_class : str
        Short class of the most popular answers: ``E`` or ``S`` and letters for shape, bulge and arms.
    """

    total_classifications: int
    answers: tuple[int, int, int]
    smooth: float
    features_or_disk: float
    star_or_artifact: float
    not_edge_on: float
    arms_answers: tuple[int, int]
    spiral: float
    gz2_class: str


def _logistic(value: float, middle: float, width: float) -> float:
    return float(1 / (1 + np.exp(-(value - middle) / width)))


def _expected(galaxy: Galaxy, random: np.random.Generator) -> tuple[float, float, float]:
    """Probabilities of the answers: features or disc, star or artefact, spiral arms."""
    if galaxy.kind == "elliptical":
        return random.uniform(0.02, 0.06), random.uniform(0.0, 0.02), random.uniform(0.02, 0.3)
    if galaxy.kind == "lenticular":
        return random.uniform(0.35, 0.65), 0.01, random.uniform(0.02, 0.35)
    if galaxy.kind == "compact":
        return random.uniform(0.1, 0.25), random.uniform(0.2, 0.5), random.uniform(0.02, 0.3)
    # An edge-on disc is still seen as a disc; its arms are not.
    disc = max(_logistic(galaxy.visibility, 0.04, 0.015), 0.9 * _logistic(galaxy.inclination, 68, 3))
    arms = _logistic(galaxy.visibility, 0.05, 0.015)
    return 0.3 + 0.66 * disc, 0.01, 0.05 + 0.92 * arms


def _not_edge_on(galaxy: Galaxy) -> float:
    """Fraction of volunteers who do not see a disc edge-on: nearly all up to 75 degrees, half at 90."""
    return 0.95 - 0.03 * max(galaxy.inclination - 75.0, 0.0)


def _gz2_class(galaxy: Galaxy, features: float, smooth: float, star: float, spiral: float) -> str:
    if star > max(features, smooth):
        return "A"
    if smooth >= features:
        roundness = "r" if galaxy.axis_ratio > 0.8 else "i" if galaxy.axis_ratio > 0.5 else "c"
        return "E" + roundness
    if galaxy.inclination > 75:
        return "Ser"
    bulge = "d" if galaxy.bulge_fraction < 0.08 else "c" if galaxy.bulge_fraction < 0.25 else "b"
    bar = "B" if galaxy.bar_fraction > 0 else ""
    if spiral < 0.5:
        return f"S{bar}{bulge}"
    tightness = "t" if galaxy.pitch < 15 else "m" if galaxy.pitch < 25 else "l"
    return f"S{bar}{bulge}{galaxy.arms}{tightness}"


def draw_votes(galaxy: Galaxy, random: np.random.Generator) -> Votes:
    """Draw the votes on one galaxy.

    Parameters
    ----------
    galaxy : Galaxy
        The galaxy; the votes depend on its parameters only.
    random : numpy.random.Generator
        The object's stream of votes.

    Returns
    -------
    Votes
        Counts are multinomial among about 40 volunteers. Debiasing (Hart et al. 2016, MNRAS 461, 3663) is
        simulated by an independent change of each fraction by about 0.01.
    """
    expected_features, expected_star, expected_spiral = _expected(galaxy, random)
    volunteers = int(np.clip(random.normal(42, 6), 20, 75))
    expected_smooth = 1 - expected_features - expected_star
    counts = random.multinomial(volunteers, [expected_smooth, expected_features, expected_star])
    # Do not change the number of values drawn here: it would change the survey.
    asked = round(counts[1] * (0.3 if galaxy.inclination > 75 else 0.95))
    seen = random.binomial(asked, expected_spiral)
    fractions = np.array([*(counts / volunteers), seen / asked if asked else 0.0])
    shifts = random.normal(0, 0.012, 4) * (fractions > 0)  # a fraction of 0 stays 0
    smooth, features, star, spiral = (round(float(value), 3) for value in np.clip(fractions + shifts, 0, 1))
    not_edge_on = _not_edge_on(galaxy)
    asked_of_arms = round(counts[1] * not_edge_on)
    saw_arms = round(fractions[3] * asked_of_arms)
    return Votes(
        total_classifications=volunteers,
        answers=(int(counts[0]), int(counts[1]), int(counts[2])),
        smooth=smooth,
        features_or_disk=features,
        star_or_artifact=star,
        not_edge_on=round(not_edge_on, 3),
        arms_answers=(saw_arms, asked_of_arms - saw_arms),
        spiral=spiral,
        gz2_class=_gz2_class(galaxy, features, smooth, star, spiral),
    )
