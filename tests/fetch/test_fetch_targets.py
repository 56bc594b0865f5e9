"""Names and positions of objects from tables in several formats."""

import gzip

import numpy as np
import pytest
from astropy.table import MaskedColumn, Table

from fetch.errors import FetchError
from fetch.targets import Target, read_targets


def written(folder, text, name="table.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_plain_table(tmp_path):
    path = written(tmp_path, "label,name,ra,dec\nspiral,SPLUS.STRIPE82-0036.14966.griz,10.5,-0.25\n")
    assert read_targets(path) == [Target("SPLUS.STRIPE82-0036.14966.griz", 10.5, -0.25)]


def test_names_keep_their_spelling(tmp_path):
    path = written(tmp_path, "name,ra,dec\n00123,1,1\n1.10,2,2\n587722981736120347,3,3\n")
    assert [target.name for target in read_targets(path)] == ["00123", "1.10", "587722981736120347"]


def test_galaxy_zoo_1(tmp_path):
    """Its positions are sexagesimal, right ascension in hours."""
    path = written(tmp_path, "OBJID,RA,DEC,NVOTE\n587727178986356823,00:00:00.41,-10:22:25.7,59\n")
    (target,) = read_targets(path)
    assert target.name == "587727178986356823"
    assert target.ra == pytest.approx(0.41 / 240, abs=1e-9)
    assert target.dec == pytest.approx(-(10 + 22 / 60 + 25.7 / 3600), abs=1e-9)


def test_compressed_and_with_a_byte_order_mark(tmp_path):
    path = tmp_path / "table.csv.gz"
    path.write_bytes(gzip.compress("\ufeffname,ra,dec\na,1,2\n".encode()))
    assert read_targets(path) == [Target("a", 1.0, 2.0)]


@pytest.mark.parametrize("name", ["table.fits", "table.vot", "table.ecsv"])
def test_formats_of_astropy(tmp_path, name):
    table = Table(
        {
            "other": [1.5, 2.5],
            "DR7OBJID": np.array([587722981736120347, 2], dtype=np.int64),
            "ra": [10.0, -10.0],
            "dec": MaskedColumn([5.0, 6.0], mask=[False, True]),
        }
    )
    path = tmp_path / name
    table.write(path, format="votable" if name.endswith("vot") else None)
    first, second = read_targets(path)
    assert first == Target("587722981736120347", 10.0, 5.0)
    assert second.name == "2"
    assert second.problem == "the row has no usable position"


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("a,,1", "no usable position"),
        ("a,nan,1", "no usable position"),
        ("a,inf,1", "no usable position"),
        ("a,1,90.1", "no usable position"),
        ("a,1000,1", "no usable position"),
        ("a,1:2:3:4,1", "no usable position"),
        (",1,1", "no object name"),
    ],
)
def test_rows_that_cannot_be_asked_for_say_why(tmp_path, row, problem):
    (target,) = read_targets(written(tmp_path, f"name,ra,dec\n{row}\n"))
    assert problem in target.problem


def test_a_name_that_stands_twice(tmp_path):
    rows = "near,10,0\nnear,10.0001,0\nfar,10,0\nfar,10.1,0\nhalf,1,1\nhalf,,\n"
    near, far, half = read_targets(written(tmp_path, f"name,ra,dec\n{rows}"))
    assert near == Target("near", 10.0, 0.0)
    assert far.problem == "two rows of this name lie 360 arcsec apart"
    assert half.problem


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("name,ra\na,1\n", r"no column of declination \(one of dec"),
        ("ra,dec\n1,2\n", "no column of object names"),
        ("name,ra,dec\n", "has no rows"),
    ],
)
def test_tables_that_will_not_do(tmp_path, text, message):
    with pytest.raises(FetchError, match=message):
        read_targets(written(tmp_path, text))


def test_files_that_are_no_tables(tmp_path):
    for path, message in (
        (tmp_path / "none.csv", "does not exist"),
        (tmp_path, "is not a file"),
        (written(tmp_path, "SIMPLE  = nonsense", "x.fits"), "not readable as a table"),
        (written(tmp_path, "<html>please log in</html>", "x.csv"), "is a web page"),
    ):
        with pytest.raises(FetchError, match=message):
            read_targets(path)


def test_real_galaxy_zoo_2(real_data):
    targets = read_targets(real_data / "gz2" / "table5-first-2500.csv.gz")
    assert len(targets) == 2500
    assert not any(target.problem for target in targets)
    assert all(target.name.isdecimal() and len(target.name) > 17 for target in targets)
