"""Numbers for the eye."""

import math

import pytest

from report.html import formats


@pytest.mark.parametrize(
    ("write", "values", "texts"),
    [
        (formats.format_count, (0, 1234567), ("0", "1,234,567")),
        (formats.format_number, (1234.5, 0.00012345, None, math.nan), ("1.23e+03", "0.000123", "–", "–")),
        (formats.format_measure, (0.97654, None, math.inf), ("0.9765", "–", "–")),
        (
            formats.format_signed,
            (-0.05, 0.0, -1e-9, 0.01, None),
            ("−0.0500", "0.0000", "0.0000", "+0.0100", "–"),
        ),
        (formats.format_percent, (0.12345, 1.0, None, math.nan), ("12.3\xa0%", "100.0\xa0%", "–", "–")),
        (
            formats.format_probability,
            (0.0, 0.001, 0.5, 0.9994, 1.0, None),
            ("< 0.001", "0.001", "0.500", "> 0.999", "> 0.999", "–"),
        ),
        (formats.format_duration, (3.2, 99.4, 120, 7200, None), ("3 s", "99 s", "2.0 min", "2.0 h", "–")),
    ],
)
def test_numbers_are_written_for_the_eye(write, values, texts):
    assert tuple(map(write, values)) == texts


def test_a_measure_has_the_digits_asked_for():
    assert formats.format_measure(0.97654, 2) == "0.98"
