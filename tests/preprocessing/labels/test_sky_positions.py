import numpy as np
import pytest
from astropy.coordinates import Angle
from hypothesis import given, settings
from hypothesis import strategies as st

from preprocessing.labels.sky_positions import sexagesimal_degrees


@settings(deadline=None)
@given(st.integers(0, 23), st.integers(0, 59), st.integers(0, 5999), st.sampled_from(["", "-", "+"]))
def test_sexagesimal_texts_mean_what_astropy_says(whole, minutes, centiseconds, sign):
    seconds = f"{centiseconds // 100:02d}.{centiseconds % 100:02d}"
    for form, hours in (
        ("{}{:02d}:{:02d}:{}", True),
        ("{}{:d}:{:02d}:{}", False),
        ("{}{:02d} {:02d} {}", True),
        ("{}{:d}h{:d}m{}s", False),
        ("{}{:d}d{:02d}m{}s", True),
    ):
        text = form.format(sign, whole, minutes, seconds)
        expected = Angle(text, unit=None if text[-1] == "s" else "hourangle" if hours else "deg").deg
        assert sexagesimal_degrees([text, "x"], hours)[0] == pytest.approx(expected, abs=1e-11)
        assert sexagesimal_degrees([text], hours)[0] == pytest.approx(expected, abs=1e-11)


def test_texts_that_are_no_angles():
    texts = ["", "12", "12:30", "12:60:00", "12:30:61", "a:b:c", "12:30:40:50", "12:-3:00", ":"]
    assert np.isnan(sexagesimal_degrees(texts, True)).all()
    for text in texts:
        assert np.isnan(sexagesimal_degrees([text], True)).all()
