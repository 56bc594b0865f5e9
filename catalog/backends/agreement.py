"""Compare another backend with the SavedModel on some objects."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from evaluation.formats.catalogue import UNLIKE_FROM
from serving.predict.classifier import Answer

TOLERANCE = 0.01
"""Largest difference of the probability, but for one object in a thousand."""
SHARE = 0.001
"""Share of the objects whose class may differ."""
CHANCE = 0.01
"""A number of classes that differ is refused if chance gives so many with a smaller probability."""


@dataclass(frozen=True)
class Agreement:
    """How two backends agree.

    Attributes
    ----------
    objects : int
        Number of objects with a probability from either.
    only_one : int
        Objects with a probability from one of them only.
    classes : int
        Objects whose classes differ.
    beyond : int
        Those among them whose probabilities differ by more than `TOLERANCE`. The others lie so near to a
        limit of the classes that a difference within the tolerance decides.
    quantile, largest : float
        The 99.9 % quantile (of fewer than a thousand objects the largest value) and the largest of the
        differences of ``p_elliptical``.
    novelty : float
        The same quantile of the differences of ``novelty``; NaN if unknown.
    unlike : int
        Objects that only one of them flags as unlike the training galaxies.
    """

    objects: int
    only_one: int
    classes: int
    beyond: int
    quantile: float
    largest: float
    novelty: float
    unlike: int

    @property
    def problem(self) -> str:
        """What speaks against the backend; empty if nothing does."""
        if self.only_one:
            return f"{self.only_one:,} objects get a probability from one of them only"
        if self.quantile > TOLERANCE:
            return f"the 99.9 % quantile of the difference is above {TOLERANCE}"
        if self.beyond > SHARE * self.objects:
            return f"{self.beyond:,} classes differ by more than {TOLERANCE} in the probability"
        if binom.sf(self.classes - 1, self.objects, SHARE) < CHANCE:
            return (
                f"{self.classes:,} classes differ, more than one in a thousand and more than chance explains"
            )
        return ""

    def __str__(self) -> str:
        text = (
            f"{self.objects:,} objects: {self.classes:,} classes differ, 99.9 % quantile of the difference of"
            f" p {self.quantile:.2g}, largest {self.largest:.2g}"
        )
        if np.isnan(self.novelty):
            return text
        return f"{text}; of novelty {self.novelty:.2g}, {self.unlike:,} flags differ"

    def entry(self) -> dict[str, Any]:
        """Return the attributes for JSON, without NaN."""
        return {name: None if value != value else value for name, value in asdict(self).items()}


def compare(one: Answer, other: Answer) -> Agreement:
    """Compare two answers for the same objects."""
    there = ~np.isnan(one.p_elliptical), ~np.isnan(other.p_elliptical)
    both = there[0] & there[1]
    p = np.abs(one.p_elliptical[both].astype(np.float64) - other.p_elliptical[both])
    differ = (np.array(one.morphology) != np.array(other.morphology))[both]
    novelty, unlike = float("nan"), 0
    if one.novelty is not None and other.novelty is not None:
        novelty = _quantile(np.abs(one.novelty.astype(np.float64) - other.novelty))
        unlike = int(((one.novelty >= UNLIKE_FROM) != (other.novelty >= UNLIKE_FROM)).sum())
    return Agreement(
        objects=int(both.sum()),
        only_one=int((there[0] != there[1]).sum()),
        classes=int(differ.sum()),
        beyond=int((differ & (p > TOLERANCE)).sum()),
        quantile=_quantile(p),
        largest=float(p.max(initial=0)),
        novelty=novelty,
        unlike=unlike,
    )


def _quantile(values: NDArray[np.float64]) -> float:
    """Return the value that one in a thousand exceeds at most: of fewer than a thousand the largest."""
    return float(np.sort(values)[-1 - int(SHARE * len(values))]) if len(values) else 0.0
