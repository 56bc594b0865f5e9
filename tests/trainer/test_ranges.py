import pytest
from transformed import SIDE, write_split

from trainer.ranges import training_ranges


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_split(tmp_path_factory.mktemp("split"), "train", 90, 0)


def test_all_galaxies_count(files):
    """Their brightnesses are 10, 11 ... and their radii 3 to 4."""
    found = training_ranges(files)
    assert found.galaxies == 90 and found.stamp == (SIDE + 8, SIDE + 8)
    assert found.brightness == pytest.approx((10 + 0.005 * 89, 99 - 0.005 * 89))
    assert found.half_light_radius == pytest.approx((3 + 0.005 * 89 / 90, 3 + 0.995 * 89 / 90), rel=1e-5)


def test_a_fold_that_was_left_out_does_not_count(files):
    """Three galaxies at a time are in the folds 0, 1 and 2."""
    found = training_ranges(files, without_fold=0)
    assert found.galaxies == 60 and found.brightness[0] == pytest.approx(13, abs=0.5)
