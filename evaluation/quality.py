"""Flags of objects that follow from their flux: faint, and outside the range of the training galaxies."""

import numpy as np
from numpy.typing import NDArray

from evaluation.formats.catalogue import LEAST_SIGNAL_TO_NOISE, Flag
from evaluation.formats.training_ranges import TrainingRanges
from preprocessing.measurements import Measurements, measure


def measured_flags(flux: NDArray[np.float32], training: TrainingRanges | None) -> NDArray[np.int32]:
    """Return the flags that are measured on the flux of objects.

    Parameters
    ----------
    flux : numpy.ndarray, float32, shape (N, side, side, 3)
        What the model is asked about: cut, calibrated, blank pixels NaN or infinite.
    training : TrainingRanges or None
        That of the model; without it, `Flag.OUTSIDE` is not set.

    Returns
    -------
    numpy.ndarray, int32, shape (N,)
        Sums of `Flag.FAINT` and `Flag.OUTSIDE`.
    """
    if not len(flux):
        return np.zeros(0, np.int32)
    return flags_of(measure(flux), training)


def flags_of(measured: Measurements, training: TrainingRanges | None) -> NDArray[np.int32]:
    """Return the flags of measured objects, as `measured_flags` does.

    An object without light has no size: it counts as outside. An object whose sky is blank everywhere cannot
    be measured and gets neither flag.
    """
    known = np.isfinite(measured.brightness)
    flags = np.where(measured.signal_to_noise < LEAST_SIGNAL_TO_NOISE, int(Flag.FAINT), 0)
    if training is not None:
        inside = np.ones_like(known)
        for values, bounds in (
            (measured.brightness, training.brightness),
            (measured.half_light_radius, training.half_light_radius),
        ):
            if bounds is not None:
                inside &= (values >= bounds[0]) & (values <= bounds[1])
        flags |= np.where(known & ~inside, int(Flag.OUTSIDE), 0)
    return flags.astype(np.int32)
