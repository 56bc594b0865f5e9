"""The entry ``training`` of ``galmorph.json``: which galaxies a model learned from."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

KEY = "training"
QUANTILES = (0.005, 0.995)
"""Quantiles of the training galaxies that bound the ranges: one galaxy of a hundred like them is outside."""

_DIGITS = 6


@dataclass(frozen=True)
class TrainingRanges:
    """Number, ranges and stamp size of the galaxies that a model learned from.

    Attributes
    ----------
    galaxies : int
        How many there were.
    brightness, half_light_radius : (float, float) or None
        `QUANTILES` of what `preprocessing.measurements.measure` gives [flux units of the model; pixels]. None
        if no galaxy could be measured.
    stamp : (int, int)
        The most frequent height and width of their stamps, before the cut [pixels].
    """

    galaxies: int
    brightness: tuple[float, float] | None
    half_light_radius: tuple[float, float] | None
    stamp: tuple[int, int]

    @classmethod
    def of(
        cls, brightness: np.ndarray, half_light_radius: np.ndarray, heights: np.ndarray, widths: np.ndarray
    ) -> "TrainingRanges":
        """Return the ranges of galaxies; all four arrays have shape (N,), N at least 1."""
        sizes, counts = np.unique(np.stack([heights, widths], axis=1), axis=0, return_counts=True)
        height, width = sizes[counts.argmax()].tolist()
        return cls(len(brightness), _range(brightness), _range(half_light_radius), (height, width))

    @classmethod
    def read(cls, description: Mapping[str, Any]) -> "TrainingRanges | None":
        """Take the ranges from the content of ``galmorph.json``.

        Parameters
        ----------
        description : mapping

        Returns
        -------
        TrainingRanges or None
            None for a model of an earlier version, which does not record them.

        Raises
        ------
        KeyError, TypeError, ValueError
            If the entry is damaged.
        """
        content = description.get(KEY)
        if content is None:
            return None
        height, width = content["stamp"]
        return cls(
            int(content["galaxies"]),
            _pair(content["brightness"]),
            _pair(content["half_light_radius"]),
            (int(height), int(width)),
        )

    def entry(self) -> dict[str, Any]:
        """Return the entry ``training``, with its key."""
        return {KEY: {**asdict(self), "quantiles": QUANTILES}}


def _range(values: np.ndarray) -> tuple[float, float] | None:
    known = values[np.isfinite(values)].astype(np.float64)
    if not len(known):
        return None
    # Six digits: the last ones of a float32 depend on the batches in which TensorFlow sums.
    least, most = (float(f"{value:.{_DIGITS}g}") for value in np.quantile(known, QUANTILES))
    return least, most


def _pair(values: Any) -> tuple[float, float] | None:
    if values is None:
        return None
    least, most = map(float, values)
    if not least <= most:
        raise ValueError(f"{least:g} to {most:g} is no range")
    return least, most
