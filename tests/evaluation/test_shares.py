"""Fisher's exact test, against counts by hand."""

import math

import pytest

from evaluation.shares import fisher


def test_the_lady_tasting_tea():
    # Fisher 1935: of 8 cups 4 are named; all right is 1 of 70 ways, all wrong another.
    assert fisher(4, 4, 0, 4) == pytest.approx(2 / math.comb(8, 4))
    assert fisher(3, 4, 1, 4) == pytest.approx(2 * (16 + 1) / 70)


def test_neither_order_nor_counting_the_rest_matters():
    assert fisher(390, 400, 185, 185) == pytest.approx(fisher(185, 185, 390, 400))
    assert fisher(390, 400, 185, 185) == pytest.approx(fisher(10, 400, 0, 185))


@pytest.mark.parametrize("table", [(0, 0, 3, 5), (0, 4, 0, 9), (4, 4, 9, 9), (0, 0, 0, 0)])
def test_what_cannot_differ_has_p_one(table):
    assert fisher(*table) == 1.0
