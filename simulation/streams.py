"""Random streams that depend on the seed and on what is drawn, never on the order of drawing."""

from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """What a stream is for; each purpose has its own, so that a change in one leaves the others alone."""

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
        What the numbers are for.
    *keys : int
        Number of the field, or of the object and where needed of the band.

    Returns
    -------
    numpy.random.Generator
        A Philox generator (Salmon et al. 2011, SC'11), which is counter-based: streams of different keys are
        independent however many of them there are.
    """
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(purpose, *keys))))
