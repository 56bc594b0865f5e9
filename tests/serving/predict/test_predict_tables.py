"""The catalogue in every format, read back by astropy and by the project's own reader."""

import csv
import math
import warnings

import numpy as np
import pyarrow.parquet
import pytest
from astropy.io import fits, votable
from astropy.io.votable.ucd import check_ucd
from astropy.table import Table

from evaluation.formats.catalogue import COLUMNS, FLAGS, Flag, catalogue_columns, flag_names
from preprocessing.tables.files import TableFile
from serving.predict.errors import PredictError
from serving.predict.tables import stem_of, table_format, write_table

ROWS = [
    ("NGC 1", 1.25, -89.5, 0.1234567, 0.8765433, "spiral", 0, "7", 0.5, 3.5),
    ('odd, "name" é', math.nan, math.nan, 1.0, 0.0, "elliptical", 66, "10", None, None),
    ("587738947752099924", 359.999999999, 0.0, 0.5, 0.5, "uncertain", 128, "7", 1.0, 1e9),
]
NAMES = ["out.csv", "out.ecsv", "out.fits", "out.vot", "out.parquet"]


def written(path, rows=ROWS, with_distance=True):
    write_table(path, table_format(path), lambda: iter(rows), with_distance=with_distance, notes=["a note"])
    options = {"format": "ascii.csv", "converters": {"model_version": str}} if path.suffix == ".csv" else {}
    return Table.read(path, **options)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("with_distance", [True, False])
def test_every_format_holds_the_same(name, with_distance, tmp_path):
    table = written(tmp_path / name, with_distance=with_distance)
    columns = catalogue_columns(with_distance)
    assert table.colnames == [column.name for column in columns]
    for place, column in enumerate(columns):
        cells = table[column.name]
        for row, cell in zip(ROWS, cells, strict=True):
            if row[place] is None or row[place] != row[place]:
                assert np.ma.is_masked(cell) or math.isnan(cell)
            elif column.dtype == "str":
                assert (cell.decode() if isinstance(cell, bytes) else str(cell)) == row[place]
            else:
                assert np.dtype(column.dtype).type(cell) == np.dtype(column.dtype).type(row[place])


@pytest.mark.parametrize("name", NAMES)
def test_our_own_reader_gets_names_and_positions(name, tmp_path):
    written(tmp_path / name)
    with TableFile(tmp_path / name) as table:
        columns = table.read(["name"], ["ra", "dec"])
    assert columns.identifiers("name") == [row[0] for row in ROWS]
    np.testing.assert_array_equal(columns.numbers("ra"), [row[1] for row in ROWS])


@pytest.mark.parametrize("name", NAMES)
def test_a_table_of_many_rows_keeps_their_order(name, tmp_path):
    rows = [(f"g{number}", *ROWS[0][1:6], number % 256, *ROWS[0][7:]) for number in range(20_500)]
    table = written(tmp_path / name, rows)
    assert len(table) == 20_500
    chosen = [
        cell.decode() if isinstance(cell, bytes) else str(cell) for cell in table["name"][[0, 9_999, -1]]
    ]
    assert chosen == ["g0", "g9999", "g20499"]
    assert list(table["flags"][-3:]) == [(20_497 + step) % 256 for step in range(3)]


def test_units_descriptions_and_ucds_are_where_the_format_has_them(tmp_path):
    for name in NAMES:
        written(tmp_path / name)
    header = fits.getheader(tmp_path / "out.fits", 1)
    assert (header["TUNIT2"], header["TUCD2"]) == ("deg", "pos.eq.ra;meta.main")
    assert header["TCOMM4"] == "probability of elliptical"
    assert header["EXTNAME"] == "CATALOGUE" and "a note" in str(header["COMMENT"])
    field = votable.parse(tmp_path / "out.vot").get_first_table().fields[3]
    assert (field.ucd, field.description) == ("stat.probability;src.morph.type", "probability of elliptical")
    ecsv = Table.read(tmp_path / "out.ecsv")
    assert (str(ecsv["dec"].unit), ecsv["dec"].description) == ("deg", "declination, J2000")
    assert ecsv["dec"].meta["ucd"] == "pos.eq.dec;meta.main" and ecsv.meta["comments"] == ["a note"]
    schema = pyarrow.parquet.read_schema(tmp_path / "out.parquet")
    assert schema.field("ra").metadata[b"unit"] == b"deg"
    content = schema.metadata[b"IVOA.VOTable-Parquet.content"]
    (tmp_path / "head.vot").write_bytes(content)
    fields = votable.parse(tmp_path / "head.vot").get_first_table().fields
    assert [field.name for field in fields] == [column.name for column in COLUMNS]
    texts = {field.name: field.arraysize for field in fields if field.datatype == "unicodeChar"}
    assert texts == {"name": "18*", "morphology": "10*", "model_version": "2*"}
    table = Table.read(tmp_path / "out.parquet", format="parquet.votable")
    assert (str(table["ra"].unit), list(table["morphology"])) == ("deg", [row[5] for row in ROWS])


def test_a_votable_is_valid_and_the_ucds_are_words_of_the_ivoa(tmp_path):
    written(tmp_path / "out.vot")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        votable.parse(tmp_path / "out.vot", verify="exception")
    assert all(check_ucd(column.ucd, check_controlled_vocabulary=True) for column in COLUMNS)


def test_csv_has_empty_cells_for_what_is_unknown(tmp_path):
    written(tmp_path / "out.csv")
    rows = list(csv.DictReader((tmp_path / "out.csv").open()))
    assert (rows[1]["ra"], rows[1]["novelty"], rows[0]["p_elliptical"]) == ("", "", "0.1234567")


@pytest.mark.parametrize(
    ("name", "kind", "stem"),
    [("a.FITS", "fits", "a"), ("b.x.parquet", "parquet", "b.x"), ("c.votable", "votable", "c")],
)
def test_the_name_says_the_format(name, kind, stem, tmp_path):
    assert (table_format(tmp_path / name), stem_of(tmp_path / name)) == (kind, stem)


@pytest.mark.parametrize("name", ["a", "a.txt", "a.fits.gz", ".csv", "a.xlsx"])
def test_other_names_are_refused(name, tmp_path):
    with pytest.raises(PredictError, match=r"must end in one of \.csv"):
        table_format(tmp_path / name)


def test_flags_are_the_bits_of_the_contract():
    assert [int(flag) for flag in FLAGS] == [1, 2, 4, 8, 16, 32, 64, 128]
    assert flag_names([0, 6, 2, 64]) == {"blank": 2, "saturated": 1, "unlike": 1}
    assert Flag.BLANK | Flag.UNLIKE == 66
