import json

import numpy as np
import pytest

from evaluation.formats.training_ranges import TrainingRanges


def ranges() -> TrainingRanges:
    values = np.arange(1001, dtype="f4")
    heights = np.where(np.arange(1001) % 3 == 0, 200, 128)
    return TrainingRanges.of(values, values[::-1] / 100, heights, heights + 1)


def test_they_hold_99_of_100_galaxies():
    found = ranges()
    assert found.galaxies == 1001 and found.stamp == (128, 129)
    assert found.brightness == pytest.approx((5, 995)) and found.half_light_radius == pytest.approx(
        (0.05, 9.95)
    )


def test_what_is_written_can_be_read():
    text = json.dumps(ranges().entry(), allow_nan=False)
    assert TrainingRanges.read(json.loads(text)) == ranges()
    assert json.loads(text)["training"]["quantiles"] == [0.005, 0.995]
    assert TrainingRanges.read({"bands": ["I"]}) is None


def test_galaxies_without_a_size_have_no_range_of_sizes():
    nan, ones = np.full(4, np.nan, "f4"), np.ones(4, int)
    found = TrainingRanges.of(np.array([np.nan, 2, 3, 2], "f4"), nan, ones, ones)
    assert found.brightness == pytest.approx((2, 2.99), abs=0.02) and found.half_light_radius is None
    assert TrainingRanges.read(json.loads(json.dumps(found.entry(), allow_nan=False))) == found


@pytest.mark.parametrize(
    "entry",
    [[], {}, {"galaxies": 3}, {**ranges().entry()["training"], "brightness": [3, 1]},
     {**ranges().entry()["training"], "stamp": 128}],
)  # fmt: skip
def test_damaged_entries_are_refused(entry):
    with pytest.raises((KeyError, TypeError, ValueError)):
        TrainingRanges.read({"training": entry})
