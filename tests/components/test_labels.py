import gzip
import math
from pathlib import Path

import numpy as np
import pytest
from astropy.table import MaskedColumn, Table

from components.fits_example_gen.labels import FEATURES, SMOOTH, SPIRAL_ARMS, TableError, read_labels
from components.fits_example_gen.settings import DataSettings


def read(path: Path, **settings):
    return read_labels(DataSettings(labels=str(path), stamps="{name}_{band}.fits", **settings))


SIMPLE = {
    "name": ["SPLUS.a-1.griz", "b", "c", "d", ""],
    "label": ["spiral", "Elliptical", "-1", "blob", "1"],
    "ra": [1.5, 2.0, 3.0, 4.0, 5.0],
    "dec": [-0.5, 0.0, 1.0, 2.0, 3.0],
    "mag": [15.0, 99.0, -9999.0, 16.0, 17.0],
}


@pytest.mark.parametrize(
    ("file", "format"),
    [
        ("t.csv", "ascii.csv"),
        ("t.fits", "fits"),
        ("t.ecsv", "ascii.ecsv"),
        ("t.vot", "votable"),
        ("t.parquet", "parquet"),
    ],
)
def test_simple_tables_in_every_format(tmp_path, file, format):
    Table(SIMPLE).write(tmp_path / file, format=format)
    rows = read(tmp_path / file)
    assert [row.label for row in rows] == [0, 1, -1, None, 1]
    assert [row.name for row in rows] == SIMPLE["name"]
    assert [row.row for row in rows] == [1, 2, 3, 4, 5]
    assert rows[3].problem == "label 'blob' is none of spiral, elliptical, uncertain, 0, 1, -1"
    assert [row.ra for row in rows] == SIMPLE["ra"]
    assert rows[0].magnitude == 15.0 and math.isnan(rows[1].magnitude) and math.isnan(rows[2].magnitude)


def test_galaxy_zoo_votes(tmp_path):
    votes = [  # smooth, features, arms -> label
        (0.9, 0.1, 0.0, 1),
        (0.8, 0.2, np.nan, 1),
        (0.1, 0.85, 0.9, 0),
        (0.1, 0.9, 0.5, -1),
        (0.5, 0.5, 0.9, -1),
        (0.1, 0.9, np.nan, -1),
        (np.nan, 0.9, 0.9, None),
    ]
    smooth, features, arms, labels = zip(*votes, strict=True)
    columns = {"name": [f"g{index}" for index in range(len(votes))], SMOOTH: smooth, FEATURES: features}
    Table(columns | {SPIRAL_ARMS: arms}).write(tmp_path / "gz2.csv")
    rows = read(tmp_path / "gz2.csv")
    assert [row.label for row in rows] == list(labels)
    assert rows[2].vote_elliptical == pytest.approx(0.1 / (0.1 + 0.85 * 0.9))
    assert [row.label for row in read(tmp_path / "gz2.csv", vote_threshold=0.95)][:3] == [-1, -1, -1]


def test_the_real_galaxy_zoo_table(real_data):
    rows = read(real_data / "gz2" / "table5-first-2500.csv.gz")
    table = Table.read(real_data / "gz2" / "table5-first-2500.csv.gz", format="ascii.csv")
    assert len(rows) == len(table) == 2500
    smooth = np.asarray(table[SMOOTH])
    assert sum(row.label == 1 for row in rows) == (smooth >= 0.8).sum()
    spirals = (smooth < 0.8) & (table[FEATURES] >= 0.8) & (table[SPIRAL_ARMS] >= 0.8)
    assert sum(row.label == 0 for row in rows) == spirals.sum()
    assert rows[0].name == str(table["objid"][0])


def test_the_real_labels_of_sdss(real_data):
    rows = read(real_data / "sdss-hubble" / "labels.csv")
    counts = [sum(row.label == label for row in rows) for label in (0, 1, -1, None)]
    assert counts == [1437, 490, 726, 0]


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_names_that_look_like_numbers_keep_their_spelling(tmp_path, suffix):
    path = tmp_path / f"t.csv{suffix}"
    text = "name , label\n00123,spiral\n1.10,elliptical\n\n588017703996096547,spiral\n"
    path.write_bytes(gzip.compress(text.encode()) if suffix else text.encode())
    assert [row.name for row in read(path)] == ["00123", "1.10", "588017703996096547"]
    whole = text.replace("1.10", "0110")
    path.write_bytes(gzip.compress(whole.encode()) if suffix else whole.encode())
    assert [row.name for row in read(path)] == ["00123", "0110", "588017703996096547"]


def test_masked_and_garbled_numbers_are_unknown(tmp_path):
    table = Table(SIMPLE)
    table["ra"] = MaskedColumn(SIMPLE["ra"], mask=[True, False, False, False, False])
    table["dec"] = ["0.5", "12h", "", "2", "3"]
    table.write(tmp_path / "t.csv")
    rows = read(tmp_path / "t.csv")
    assert math.isnan(rows[0].ra) and rows[1].ra == 2.0
    assert rows[0].dec == 0.5 and math.isnan(rows[1].dec) and math.isnan(rows[2].dec)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,label\n", "no rows"),
        ("galaxy,label\na,spiral\n", "no column of object names"),
        ("name,kind\na,spiral\n", "no column 'label'"),
    ],
)
def test_unusable_tables_are_named(tmp_path, text, message):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(TableError, match=message) as caught:
        read(tmp_path / "t.csv")
    assert str(tmp_path / "t.csv") in str(caught.value) and "\n" not in str(caught.value)


def test_files_that_are_no_tables(tmp_path):
    (tmp_path / "t.fits").write_bytes(b"\0" * 100)
    for path, message in (
        (tmp_path / "t.fits", "not readable"),
        (tmp_path / "x.csv", "does not exist"),
        (tmp_path, "not a file"),
    ):
        with pytest.raises(TableError, match=message):
            read(path)
