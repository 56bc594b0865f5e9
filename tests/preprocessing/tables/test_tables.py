import csv
import gzip
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from astropy.io import fits
from astropy.io.votable import from_table
from astropy.table import MaskedColumn, Table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from preprocessing.tables import formats, text
from preprocessing.tables.files import TableError, TableFile

FORMATS = {
    "csv": "ascii.csv",
    "fits": "fits",
    "votable": "votable",
    "parquet": "parquet",
    "ecsv": "ascii.ecsv",
}
DR7_ID = 588017703996096547  # doubles count in steps of 128 up there
NAMES = [
    "SPLUS.STRIPE82-0036.14966.griz",
    "00123",
    "1.10",
    "1e5",
    "-1",
    '5"',
    "a,b",
    "Ångström",
    "nan",
    "True",
]


def names_in(path: Path, table_format: str = "auto", column: str = "name") -> list[str]:
    with TableFile(path, table_format) as table:
        return table.read([column], []).identifiers(column)


def write(path: Path, table_format: str, **columns) -> Path:
    Table(columns).write(path, format=FORMATS[table_format], overwrite=True)
    return path


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("table_format", FORMATS)
def test_every_format_is_recognised_whatever_the_file_is_called(tmp_path, table_format, zipped):
    names = [name for name in NAMES if name.isascii() or table_format not in ("fits", "votable")]
    path = write(tmp_path / "t.txt", table_format, name=names, ra=np.arange(len(names)) / 3)
    if zipped:
        path.write_bytes(gzip.compress(path.read_bytes()))
    with TableFile(path) as table:
        assert table.table_format == table_format and table.names == ["name", "ra"]
        columns = table.read(["name"], ["ra"])
    assert columns.identifiers("name") == names
    assert columns.numbers("ra").tolist() == (np.arange(len(names)) / 3).tolist()


@pytest.mark.parametrize("table_format", FORMATS)
def test_integer_names_are_exact_and_empty_ones_empty(tmp_path, table_format):
    ids = MaskedColumn(np.array([DR7_ID, 7, DR7_ID + 1]), mask=[False, True, False])
    columns = {"objid": ids, "z": np.array([1.0, 2.0, 3.0])}
    path = tmp_path / "t.dat"
    if table_format == "parquet":  # astropy writes no mask
        parquet.write_table(pa.table({"objid": [DR7_ID, None, DR7_ID + 1]}), path)
    else:
        write(path, table_format, **columns)
    assert names_in(path, column="objid") == [str(DR7_ID), "", str(DR7_ID + 1)]


@pytest.mark.parametrize("table_format", ["fits", "votable", "parquet", "ecsv"])
def test_names_that_are_floats(tmp_path, table_format):
    path = write(tmp_path / "t", table_format, name=np.array([12.0, 13.0]))
    assert names_in(path) == (["12.0", "13.0"] if table_format == "ecsv" else ["12", "13"])
    path = write(tmp_path / "t", table_format, name=np.array([1.1, np.nan]))
    assert names_in(path)[0] == "1.1"
    path = write(tmp_path / "t", table_format, name=np.array([12.0, float(DR7_ID)]))
    with pytest.raises(TableError, match="column 'name' holds names as floating-point numbers"):
        names_in(path)


def test_names_rounded_by_a_spreadsheet(tmp_path):
    (tmp_path / "t.csv").write_text("name,label\n5.88018E+17,1\n")
    with pytest.raises(TableError, match=r"\(5.88018E\+17\), whose last digits are lost"):
        names_in(tmp_path / "t.csv")


@pytest.mark.parametrize(
    "raw",
    [
        b"\xef\xbb\xbfName,RA\nx,1\ny \xe9,2.5\n",
        b"Name,RA\r\nx,1\r\n\r\ny \xc3\xa9,2.5",
        b' "Name" ; RA \nx;1\n"y \xc3\xa9" ;2.5\n',
        b"Name\tRA\tlabel\nx\t1\t\ny \xc3\xa9\t2.5\n",
        b"#Table1\nName,RA\nx,1\ny \xc3\xa9,2.5\n",  # SkyServer
        "sep=;\nName;RA\nx;1\ny é;2.5\n".encode("utf-16"),  # Excel
        b"objid2,Name,RA\n,x,1\n,y \xe9,2.5\n",
        b"z\tName\tRA\n\tx\t1\n\ty \xe9\t2.5\n",
    ],
)
def test_how_text_tables_are_written(tmp_path, raw):
    (tmp_path / "t").write_bytes(raw)
    with TableFile(tmp_path / "t") as table:
        columns = table.read(["name"], ["ra"])
    assert columns.texts("name") == ["x", "y é"]
    assert columns.numbers("ra").tolist() == [1.0, 2.5]


def test_cells_that_are_missing_or_no_numbers(tmp_path):
    (tmp_path / "t.csv").write_text("name,votes\na,1\nb,\nc,many\n ,2\ne\n#f,true\n")
    with TableFile(tmp_path / "t.csv") as table:
        columns = table.read(["name"], ["votes"])
    assert columns.texts("name") == ["a", "b", "c", "", "e", "#f"]
    np.testing.assert_array_equal(columns.numbers("votes"), [1, np.nan, np.nan, 2, np.nan, 1])


def test_blocks_agree_whatever_they_hold(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "BLOCK_ROWS", 2)
    (tmp_path / "t.csv").write_text("name,ra\n1,1.25\n2,2\n3,\n4,00:01:00\n00005,3\n")
    with TableFile(tmp_path / "t.csv") as table:
        columns = table.read(["name"], ["ra"])
    assert columns.texts("name") == ["1", "2", "3", "4", "00005"]
    np.testing.assert_array_equal(columns.numbers("ra"), [1.25, 2, np.nan, np.nan, 3])


names = st.lists(
    st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=12)
    | st.integers(0, 2**63 - 1).map(str)
    | st.from_regex(r"0*[0-9]{1,15}(\.[0-9]*)?", fullmatch=True)
    | st.from_regex(r"[ -~]{1,12}", fullmatch=True),
    min_size=1,
    max_size=6,
)
relaxed = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def spelled(name: str) -> str:
    return name.strip()


@relaxed
@given(names, st.sampled_from(",;\t|"))
def test_any_names_through_csv(tmp_path, names, delimiter):
    with (tmp_path / "t").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, delimiter=delimiter, quoting=csv.QUOTE_ALL)
        writer.writerows([("name", "label", "ra"), *((name, "1", "2") for name in names)])
    assert names_in(tmp_path / "t", "csv") == [spelled(name) for name in names]


@relaxed
@given(names)
def test_any_names_through_the_other_formats(tmp_path, names):
    path = tmp_path / "t"
    for table_format in ("ecsv", "parquet"):
        write(path, table_format, name=names, ra=[1.0] * len(names))
        assert names_in(path) == [spelled(name) for name in names], table_format
    ascii_names = [name.encode("ascii", "replace").decode() for name in names]
    for table_format in ("fits", "votable"):
        write(path, table_format, name=ascii_names, ra=[1.0] * len(names))
        assert names_in(path) == [spelled(name) for name in ascii_names], table_format


def test_fits_as_it_is_found(tmp_path):
    """Byte strings in Latin-1, padded column names, integers with a null, images before the table."""
    columns = fits.ColDefs(
        [
            fits.Column("NAME  ", "8A", array=np.array([b"M\xe9chain", b"b"])),
            fits.Column("votes", "K", null=-99, array=np.array([-99, 40])),
            fits.Column("id", "K", bzero=2**63, array=np.array([2**63 + 1, 3], np.uint64)),
            fits.Column("spectrum", "3E", array=np.zeros((2, 3))),
        ]
    )
    image, table = fits.ImageHDU(np.zeros((4, 4))), fits.BinTableHDU.from_columns(columns)
    other = fits.BinTableHDU.from_columns([fits.Column("name", "1A", array=["z"])])
    fits.HDUList([fits.PrimaryHDU(), image, table, other]).writeto(tmp_path / "t.csv")
    with TableFile(tmp_path / "t.csv") as table:
        columns = table.read(["name", "id"], ["votes", "spectrum"])
    assert columns.texts("name") == ["Méchain", "b"]
    assert columns.identifiers("id") == [str(2**63 + 1), "3"]
    np.testing.assert_array_equal(columns.numbers("votes"), [np.nan, 40])
    with pytest.raises(TableError, match="each cell of column 'spectrum' holds an array"):
        columns.numbers("spectrum")


def test_the_first_votable_is_read_and_nothing_elsewhere(tmp_path):
    path = tmp_path / "t.xml"
    for serialization in ("tabledata", "binary", "binary2"):
        file = from_table(Table({"other": ["x"], "name": ["a"], "z": [1.0]}))
        file.resources[0].tables.append(from_table(Table({"name": ["b"]})).get_first_table())
        file.to_xml(str(path), tabledata_format=serialization)
        assert names_in(path) == ["a"]
    path.write_text(
        '<VOTABLE><RESOURCE><TABLE><FIELD name="name" datatype="int"/><DATA><BINARY>'
        '<STREAM href="http://127.0.0.1:9/x"/></BINARY></DATA></TABLE></RESOURCE></VOTABLE>'
    )
    with pytest.raises(TableError, match=r"'http://127\.0\.0\.1:9/x'"):
        names_in(path)


def test_parquet_as_pandas_and_polars_write_it(tmp_path):
    columns = {
        "name": pa.array(["a", None]).dictionary_encode(),
        "label": pa.array([True, None]),
        "votes": pa.array([1, None], pa.int32()),
        "list": pa.array([[1], [2]]),
    }
    parquet.write_table(pa.table(columns), tmp_path / "t")
    with TableFile(tmp_path / "t") as table:
        read = table.read(["name"], ["label", "votes"])
        with pytest.raises(TableError, match="holds lists"):
            table.read([], ["list"])
    assert read.texts("name") == ["a", ""]
    np.testing.assert_array_equal(read.numbers("label"), [1, np.nan])
    np.testing.assert_array_equal(read.numbers("votes"), [1, np.nan])


def test_only_the_columns_asked_for_are_parsed(tmp_path):
    wide = {f"c{number}": ["text"] for number in range(300)}
    for table_format in FORMATS:
        path = write(tmp_path / "t", table_format, **wide, name=["x"])
        with TableFile(path) as table:
            assert list(table.read(["name"], ["c7"]).cells) == ["name", "c7"]


def parquet_bytes() -> bytes:
    buffer = io.BytesIO()
    parquet.write_table(pa.table({"name": ["a"] * 1000}), buffer)
    return buffer.getvalue()


def fits_bytes(*hdus) -> bytes:
    buffer = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(buffer)
    return buffer.getvalue()


FITS_TABLE = fits_bytes(fits.BinTableHDU.from_columns([fits.Column("name", "40A", array=["a"] * 1000)]))
DAMAGED = {
    "empty": (b"", "it is empty"),
    "empty gzip": (gzip.compress(b""), "it is empty"),
    "blank": (b"\n\n", "no header line"),
    "spreadsheet": (b"PK\x03\x04" + b"\0" * 50, "it is a zip archive or a spreadsheet"),
    "error page": (b"\n<!DOCTYPE html>\n<html>404</html>", "it is a web page"),
    "other XML": (b"<?xml version='1.0'?><a/>", "XML, but not a VOTable"),
    "unfinished XML": (b"<?xml version='1.0'?><VOTABLE><RESOURCE>", "no element found"),
    "VOTable of nothing": (b"<VOTABLE></VOTABLE>", "VOTable without a table"),
    "binary": (bytes(range(256)), "neither text nor in a known format"),
    "binary later": (b"name,label\n" + b"a,1\n" * 5000 + b"\0\0", "it is not text"),
    "one line": (b"name," * 100_000, "a line of more than"),
    "cut FITS": (FITS_TABLE[:10_000], "damaged or cut short"),
    "FITS header": (b"SIMPLE  =", "No SIMPLE card"),
    "FITS image": (fits_bytes(fits.ImageHDU(np.zeros((2, 2)))), "FITS file without a table"),
    "cut gzip": (gzip.compress(FITS_TABLE)[:-20], "ended before"),
    "cut Parquet": (parquet_bytes()[:-20], "magic bytes"),
    "Parquet head": (b"PAR1", "smaller than the minimum"),
    "broken Parquet": (parquet_bytes().replace(b"name", b"\xff\xff\xff\xff"), "decode byte"),
    "ECSV without a header": (b"# %ECSV 1.0\n# ---\n# : : {\nname\na", "ECSV header is damaged"),
    "open quote": (b'name,label\na,1\n"b,0\nc,1\n', "row 2 opens a quotation mark"),
    "open quotes": (b'name,label\na,1\n"b,0\nc",1\nd,1\n', "row 2 opens a quotation mark"),
    "long row": (b"name,label\na,1\nb,0,0\n", "row 2 has 3 cells, but the header has 2"),
    "same names": (b"name,label,name\na,1,b\n", "2 columns of the name 'name'"),
    "nearly the same names": (b"name,Name\na,1\n", "'name' and 'Name'"),
    "no rows": (b"name,label\n", "has no rows"),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_what_is_no_table_is_refused_in_one_line(tmp_path, kind):
    content, message = DAMAGED[kind]
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(TableError, match=message) as caught:
        names_in(path)
    text = str(caught.value)
    assert str(path) in text and "\n" not in text and len(text) < 400


def test_a_forced_format_is_believed(tmp_path):
    path = write(tmp_path / "t", "ecsv", name=["a"])
    assert names_in(path, "ecsv") == names_in(path, "csv") == ["a"]  # CSV with comments, if one says so
    for table_format in ("fits", "votable", "parquet"):
        with pytest.raises(TableError):
            names_in(path, table_format)
    write(path, "fits", name=["a"])
    for table_format in ("csv", "ecsv", "votable", "parquet"):
        with pytest.raises(TableError):
            names_in(path, table_format)


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(TableError, match="does not exist"):
        TableFile(tmp_path / "t.csv")
    with pytest.raises(TableError, match="is not a file"):
        TableFile(tmp_path)


@pytest.mark.parametrize("table_format", FORMATS)
def test_damage_anywhere_is_a_sentence(tmp_path, table_format):
    sound = write(tmp_path / "t", table_format, name=["a", "b", "c"], ra=[1.0, 2.0, 3.0]).read_bytes()
    random = np.random.default_rng(0)
    for trial in range(60):
        damaged = bytearray(sound)
        if trial % 3:
            for place in random.integers(0, len(damaged), 8):
                damaged[place] = random.integers(256)
        else:
            del damaged[random.integers(len(damaged)) :]
        (tmp_path / "t").write_bytes(damaged)
        try:
            with TableFile(tmp_path / "t") as table:
                columns = table.read([table.names[0].lower()], [table.names[-1].lower()])
                columns.identifiers(table.names[0].lower()), columns.numbers(table.names[-1].lower())
        except TableError as error:
            assert "\n" not in str(error) and str(tmp_path) in str(error)


def test_a_small_file_that_becomes_a_large_one(tmp_path, monkeypatch):
    monkeypatch.setattr(formats, "MOST_BYTES", 2**20)
    (tmp_path / "t.csv").write_bytes(gzip.compress(b"name,label\n" + b"a,1\n" * 2**20))
    with pytest.raises(TableError, match="holds more than"):
        TableFile(tmp_path / "t.csv")
    monkeypatch.setattr(formats, "MOST_ROWS", 999)
    (tmp_path / "t").write_bytes(parquet_bytes())
    with pytest.raises(TableError, match="it has 1000 rows"):
        TableFile(tmp_path / "t")


def test_missing_columns_are_named_with_the_nearest(tmp_path):
    (tmp_path / "t.csv").write_text("Name,P_EL_DEBIASD\n")
    with TableFile(tmp_path / "t.csv") as table:
        assert table.missing(["name"], "x") == ""
        assert table.missing(["p_el_debiased"], "label_format 'gz1'") == (
            f"{tmp_path / 't.csv'} has no column 'p_el_debiased', which label_format 'gz1' needs;"
            " the nearest is 'P_EL_DEBIASD'"
        )
