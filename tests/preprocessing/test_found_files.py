"""Files of kinds that users reported, with the expected values. See the README of the folder."""

from pathlib import Path

import numpy as np
import pytest

from preprocessing.data_settings import DataSettings
from preprocessing.fits.files import StampError
from preprocessing.labels.reading import LabelTable, read_labels
from preprocessing.rows.division import stamp_reader
from preprocessing.stamps import Stamp
from report.inspection.measures import STATISTICS, measure


@pytest.fixture
def found(real_data) -> Path:
    folder = real_data / "found"
    if not folder.is_dir():
        pytest.skip(f"no folder {folder}")
    return folder


def stamps_of(folder: Path, **settings) -> list[Stamp | str]:
    """The stamp of each row, or its reason code."""
    data = DataSettings(
        labels=str(folder / "labels.csv"), stamps=str(folder / "{name}_{band}.fits"), **settings
    )
    reader = stamp_reader(data, ("I", "R", "G"), 64)
    outcomes: list[Stamp | str] = []
    for entry in read_labels(data).objects:
        try:
            outcomes.append(reader.read(entry.name, entry.ra, entry.dec))
        except StampError as error:
            assert error.message and str(folder) in error.path
            outcomes.append(error.reason)
    return outcomes


def reasons(outcomes: list[Stamp | str]) -> list[str]:
    return [outcome if isinstance(outcome, str) else "" for outcome in outcomes]


def peaks(stamp: Stamp | str) -> list[float]:
    assert isinstance(stamp, Stamp)
    return [measure(plane)[STATISTICS.index("peak")] for plane in stamp.planes.values()]


def blanks(stamp: Stamp | str) -> list[float]:
    assert isinstance(stamp, Stamp)
    return [plane.blank for plane in stamp.planes.values()]


def test_coordinate_systems(found):
    assert reasons(stamps_of(found / "six-digit-matrix")) == ["", "off_stamp"]
    assert reasons(stamps_of(found / "wcs-in-both-headers")) == ["", "off_stamp", ""]


def test_numbers_with_a_small_exponent(found):
    folder = found / "small-e-exponent"
    calibrated, plain = stamps_of(folder, zero_points="header"), stamps_of(folder)
    assert reasons(calibrated) == reasons(plain) == ["", "too_saturated"]
    assert peaks(calibrated[0]) == pytest.approx([20.3696, 16.0127, 12.0031], rel=1e-5)
    assert peaks(plain[0]) == pytest.approx([51.1660, 40.2220, 30.1505], rel=1e-5)


def test_zero_points_that_are_none(found):
    stamps = stamps_of(found / "no-zero-point-999", zero_points="header")
    assert reasons(stamps) == ["", "no_zero_point", "no_zero_point"]
    assert peaks(stamps[0]) == pytest.approx([21.7225, 15.6433, 10.0815], rel=1e-5)


def test_zeros_in_place_of_data(found):
    stamps = stamps_of(found / "zero-for-no-data")
    assert reasons(stamps) == ["too_blank", "too_blank", ""]
    assert blanks(stamps[2]) == [0, 0.109375, 0]


def test_blanks_of_unsigned_integers(found):
    stamps = stamps_of(found / "blank-of-unsigned-integers")
    assert reasons(stamps) == ["too_blank", ""]
    assert max(blanks(stamps[1])) == 0.109375
    assert peaks(stamps[1]) == [2518, 2196, 1700]


def table(path: Path) -> LabelTable:
    return read_labels(DataSettings(labels=str(path), stamps="{name}_{band}.fits"))


def outcomes(path: Path) -> list[tuple[str, int | str]]:
    """Name and label, or reason, of each row."""
    read = table(path)
    rows = [(entry.row, entry.name, entry.label) for entry in read.objects]
    rows += [(reject.row, reject.name, reject.reason) for reject in read.rejects]
    return [(name, outcome) for _, name, outcome in sorted(rows)]


def test_texts_of_variable_length(found):
    names = ["0098.00001", "0103.39596", "0080.07920"]
    expected = [(f"SPLUS.STRIPE82-{name}.griz", label) for name, label in zip(names, (0, 1, 0), strict=True)]
    for file in ("names.fits", "labels.fits"):
        assert outcomes(found / "text-of-variable-length" / file) == expected


def test_nulls_of_scaled_and_of_logical_columns(found):
    folder = found / "null-of-scaled-columns"
    assert [label for _, label in outcomes(folder / "votes.fits")] == [0, "bad_label", 1, "bad_label", 1, 0]
    magnitudes = {entry.row: entry.magnitude for entry in table(folder / "votes.fits").objects}
    assert magnitudes[1] == pytest.approx(16.003) and np.isnan(magnitudes[5])
    lowest, seven = outcomes(folder / "ids-null-lowest.fits"), outcomes(folder / "ids-null-7.fits")
    assert lowest == [("", "no_name"), ("2147483655", 0), ("2147483653", 0)]
    assert seven == [("2147483649", 0), ("", "no_name"), ("2147483653", 0)]
    for file in ("flags.fits", "flags.csv"):
        assert [label for _, label in outcomes(found / "null-flag" / file)] == [1, 0, "bad_label"]


def test_headers_behind_a_comment_sign(found):
    for file in sorted((found / "commented-header").iterdir()):
        rows = outcomes(file)
        assert [label for _, label in rows] == [0, 1, 0, 0], file.name
        start = "123764977026046368" if file.name == "numbers-first.csv" else "SPLUS.STRIPE82-"
        assert all(name.startswith(start[:15]) for name, _ in rows), file.name
