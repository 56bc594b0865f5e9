"""Random streams that depend on the seed and on what is drawn, but not on the order of drawing."""

from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """Purpose of a stream. Each has its own stream, so that a change of one does not affect the others."""

    FIELD = 0
    POPULATION = 1
    VOTES = 2
    DAMAGE = 3
    STRUCTURE = 4
    SURROUNDINGS = 5
    NOISE = 6


def random_stream(seed: int, purpose: Purpose, *keys: int) -> np.random.Generator:
    """Return the random stream of one purpose for one field, object or band.

    Parameters
    ----------
    seed : int
        Seed of the survey, not negative.
    purpose : Purpose
        Purpose of the numbers.
    *keys : int
        Number of the field, or numbers of the object and, if needed, of the band.

    Returns
    -------
    numpy.random.Generator
        A Philox generator (Salmon et al. 2011, SC'11), which is counter-based: streams of different keys are
        independent however many of them there are.
    """
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(purpose, *keys))))
