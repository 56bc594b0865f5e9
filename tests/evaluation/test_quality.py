import math

import numpy as np

from evaluation.formats.catalogue import Flag
from evaluation.formats.training_ranges import TrainingRanges
from evaluation.quality import flags_of, measured_flags
from preprocessing.measurements import Measurements, measure

RANGES = TrainingRanges(1000, (-10.0, 100.0), (2.0, 8.0), (128, 128))


def measured(*rows: tuple[float, float, float]) -> Measurements:
    return Measurements(*(np.array(column, "f4") for column in zip(*rows, strict=True)))


def test_bounds_belong_to_the_range():
    found = flags_of(
        measured(
            (10.0, 100.0, 8.0),
            (9.99, -10.0, 2.0),
            (math.inf, 100.1, 5.0),
            (-math.inf, -11.0, 5.0),
            (50.0, 50.0, 8.01),
            (50.0, 50.0, 1.99),
            (50.0, 50.0, math.nan),
            (math.nan, math.nan, math.nan),
        ),
        RANGES,
    )
    faint, outside = int(Flag.FAINT), int(Flag.OUTSIDE)
    assert list(found) == [0, faint, outside, faint | outside, outside, outside, outside, 0]
    assert found.dtype == np.int32


def test_without_a_range_nothing_is_outside():
    rows = measured((5.0, 1e9, 1e9), (50.0, 1e9, 1e9))
    assert list(flags_of(rows, None)) == [int(Flag.FAINT), 0]
    assert list(flags_of(rows, TrainingRanges(3, None, None, (9, 9)))) == [int(Flag.FAINT), 0]


def test_flux_is_measured():
    flux = np.random.default_rng(0).normal(0, 1, (6, 40, 40, 3)).astype("f4")
    flux[:3, 16:24, 16:24] += 30
    assert list(measured_flags(flux, RANGES) & Flag.FAINT) == [0, 0, 0, 16, 16, 16]
    assert np.array_equal(measured_flags(flux, RANGES), flags_of(measure(flux), RANGES))
    assert len(measured_flags(flux[:0], RANGES)) == 0
