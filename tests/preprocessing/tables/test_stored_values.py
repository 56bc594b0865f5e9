"""Values of tables as stored in the file: nulls, texts, booleans, numbers in narrow columns."""

import io
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from preprocessing.tables.columns import Columns
from preprocessing.tables.files import TableError, TableFile

relaxed = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def read(path: Path, texts: list[str], values: list[str] | None = None) -> Columns:
    with TableFile(path) as table:
        return table.read(texts, values or [])


def write_fits(path: Path, *columns: fits.Column) -> Path:
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns(list(columns))]).writeto(
        path, overwrite=True
    )
    return path


@relaxed
@given(
    st.sampled_from([("B", "u1"), ("I", ">i2"), ("J", ">i4"), ("K", ">i8")]),
    st.sampled_from(["none", "unsigned", "scaled"]),
    st.lists(st.integers(0, 100), min_size=1, max_size=8),
    st.sampled_from([0, 7, 100]),
)
def test_nulls_of_integers_are_those_that_are_stored(tmp_path, code, scaling, stored, null):
    letter, dtype = code
    zeros = {"B": -128, "I": 2**15, "J": 2**31, "K": 2**63}
    scale, zero = {"none": (1, 0), "unsigned": (1, zeros[letter]), "scaled": (0.25, 3)}[scaling]
    table = fits.BinTableHDU.from_columns([fits.Column("n", letter, array=np.array(stored, dtype))])
    buffer = io.BytesIO()
    table.writeto(buffer)
    extra = "".join(
        f"{fits.Card(keyword, value).image:<80}"
        for keyword, value in (("TSCAL1", scale), ("TZERO1", zero), ("TNULL1", null))
    )
    content = buffer.getvalue()
    header = content[2880:5760].rstrip()
    assert header.endswith(b"END")
    header = (header.removesuffix(b"END").rstrip().decode().ljust(-(-len(header) // 80) * 80 - 80)) + extra
    content = content[:2880] + (header + "END").ljust(2880).encode() + content[5760:]
    (tmp_path / "t.fits").write_bytes(content)
    columns = read(tmp_path / "t.fits", ["n"])
    expected = [np.nan if number == null else number * scale + zero for number in stored]
    np.testing.assert_array_equal(columns.numbers("n"), np.array(expected, float))
    if scaling != "scaled":
        names = ["" if number == null else str(number + zero) for number in stored]
        assert columns.identifiers("n") == names


def test_texts_end_at_a_zero_byte_and_come_from_the_heap(tmp_path):
    path = write_fits(
        tmp_path / "t.fits",
        fits.Column("fixed", "8A", array=np.array([b"ab\0junk", b"\0gone", b"c d  "])),
        fits.Column("heap", "PA()", array=np.array(["first", "", "third one"], dtype=object)),
        fits.Column("long", "QA()", array=np.array(["x", "yy", "zzz"], dtype=object)),
        fits.Column("one", "PJ()", array=np.array([[5], [], [7]], dtype=object)),
        fits.Column("many", "PJ()", array=np.array([[5, 6], [], [7]], dtype=object)),
        fits.Column("single", "1J", dim="(1)", array=np.array([1, 2, 3])),
    )
    columns = read(path, ["fixed", "heap", "long", "one", "single"])
    assert columns.texts("fixed") == ["ab", "", "c d"]
    assert columns.texts("heap") == ["first", "", "third one"]
    assert columns.texts("long") == ["x", "yy", "zzz"]
    assert columns.identifiers("one") == ["5", "", "7"]
    assert columns.identifiers("single") == ["1", "2", "3"]
    with pytest.raises(TableError, match="column 'many' holds an array"):
        read(path, ["many"])


def test_several_texts_in_a_cell_are_refused(tmp_path):
    path = write_fits(
        tmp_path / "t.fits",
        fits.Column("name", "8A", dim="(4,2)", array=np.array([["ab", "cd"], ["e", "f"]])),
    )
    with pytest.raises(TableError, match="column 'name' holds several texts"):
        read(path, ["name"])


def test_truth_values_that_were_never_set(tmp_path):
    path = write_fits(tmp_path / "t.fits", fits.Column("flag", "L", array=np.array([True, False, True])))
    content = bytearray(path.read_bytes())
    assert bytes(content[5760:5763]) == b"TFT"
    content[5762] = 0
    path.write_bytes(content)
    np.testing.assert_array_equal(read(path, [], ["flag"]).numbers("flag"), [1, 0, np.nan])
    assert read(path, ["flag"]).texts("flag") == ["True", "False", ""]
    content[5761] = 1
    path.write_bytes(content)
    with pytest.raises(TableError, match="row 2 of the logical column 'flag' holds the byte 1"):
        read(path, [], ["flag"])


def test_nulls_of_tables_that_are_text(tmp_path):
    columns = [
        fits.Column("name", "A8", array=np.array(["a", "b", "c"])),
        fits.Column("mag", "F8.3", null="-9.990", array=np.array([15.5, -9.99, 17.0])),
        fits.Column("count", "I6", null="---", array=np.array([11, 22, 33])),
    ]
    fits.TableHDU.from_columns(columns).writeto(tmp_path / "t.fits")
    content = (tmp_path / "t.fits").read_bytes()
    head, data = content[:5760], content[5760:]
    data = data.replace(b"    11", b"   ---").replace(b"    22", b"      ")
    (tmp_path / "t.fits").write_bytes(head + data)
    found = read(tmp_path / "t.fits", ["name", "count"], ["mag"])
    assert found.texts("name") == ["a", "b", "c"] and found.identifiers("count") == ["", "", "33"]
    np.testing.assert_array_equal(found.numbers("mag"), [15.5, np.nan, 17.0])


VOTABLE = """<?xml version="1.0"?><VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE><TABLE>
<FIELD name="name" datatype="{datatype}" arraysize="{arraysize}">{null}</FIELD>
<FIELD name="ra" datatype="double"/><FIELD name="flag" datatype="boolean"/>
<DATA><TABLEDATA>{rows}</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"""


def votable(path: Path, names: list[str], datatype: str, arraysize: str = "1", null: str = "") -> Path:
    rows = "".join(f"<TR><TD>{name}</TD><TD>1.5</TD><TD>T</TD></TR>" for name in names)
    values = f'<VALUES null="{null}"/>' if null else ""
    path.write_text(VOTABLE.format(datatype=datatype, arraysize=arraysize, null=values, rows=rows))
    return path


@pytest.mark.parametrize("datatype", ["short", "unsignedByte", "int", "long"])
def test_votable_numbers_too_large_for_their_column_stay(tmp_path, datatype):
    """astropy makes 32767 of each, or 255: twenty galaxies under one name."""
    names = [str(10**place + place) for place in range(1, 20)]
    columns = read(votable(tmp_path / "t.xml", names, datatype), ["name"], ["ra", "flag"])
    assert columns.identifiers("name") == names
    assert columns.numbers("ra").tolist() == [1.5] * 19 and columns.numbers("flag").tolist() == [1.0] * 19


def test_votable_texts_too_long_for_their_column_stay(tmp_path):
    names = ["SPLUS.STRIPE82-0001.00001.griz", "SPLUS.STRIPE82-0001.00002.griz", "é&amp;&lt;", ""]
    for arraysize in ("10", "*", "1", "10*"):
        columns = read(votable(tmp_path / "t.xml", names, "char", arraysize), ["name"])
        assert columns.identifiers("name") == [*names[:2], "é&<", ""]


def test_votable_nulls_and_spellings(tmp_path):
    path = votable(tmp_path / "t.xml", ["7", "-99", " 0x1F ", "+5", ""], "int", null="-99")
    assert read(path, ["name"]).identifiers("name") == ["7", "", "31", "5", ""]
    with pytest.raises(TableError, match="row 1: the cell '1 2' of column 'name' holds an array"):
        read(votable(tmp_path / "t.xml", ["1 2"], "int", "2"), ["name"])
    with pytest.raises(TableError, match="floating-point"):
        read(votable(tmp_path / "t.xml", ["588017703996096547"], "double"), ["name"]).identifiers("name")


LOST = ["5.88018E+17", "5.88018e17", "5.880177039960965e+17", "5,88018E+17", "5.88018D+17", "0.588018E18"]
LOST += ["588017703996096547.0", "588017703996096512.000000", "588017703996096512.", "+5.88018E+17", "6E+17"]
LOST += ["1.23457E+11", "588017703996097000"]
KEPT = ["588017703996096547", "00123", "1.10", "1e5", "3E08", "12.0", "J1234+5678", "2E-3", "NGC1e7", "1.5.3"]
KEPT += ["123456789012345", "000000000000000001", "1E+1A", "e5", "299489676975171584"]


@pytest.mark.parametrize("spelling", LOST)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_names_that_went_through_floating_point_are_refused(tmp_path, spelling, delimiter):
    rows = [("name", "label"), ("SPLUS.1", "0"), (f'"{spelling}"', "1")]
    (tmp_path / "t.csv").write_text("\n".join(delimiter.join(row) for row in rows))
    with pytest.raises(TableError, match=r"floating-point numbers .* first in row 2") as caught:
        read(tmp_path / "t.csv", ["name"]).identifiers("name")
    assert spelling in str(caught.value)


def test_names_that_only_look_like_it_are_kept(tmp_path):
    (tmp_path / "t.csv").write_text("name,label\n" + "".join(f"{name},0\n" for name in KEPT))
    assert read(tmp_path / "t.csv", ["name"]).identifiers("name") == KEPT


def test_long_integers_of_which_some_end_otherwise_are_kept(tmp_path):
    names = ["588017703996097000", "588017703996096547"]
    (tmp_path / "t.csv").write_text("\n".join(["name", *names]))
    assert read(tmp_path / "t.csv", ["name"]).identifiers("name") == names


@pytest.mark.parametrize("text", ["0,95", "-1,5", "12:30:49,4", "1,5E+3", "1.234,5", ",5"])
def test_decimal_commas_are_refused(tmp_path, text):
    (tmp_path / "t.csv").write_text(f"name;ra\na;1.5\nb;{text}\n")
    with pytest.raises(TableError, match=r"row 2 of column 'ra' has the number .* with a comma") as caught:
        read(tmp_path / "t.csv", [], ["ra"]).numbers("ra")
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    ("head", "names"),
    [
        ("# name,label,ra\n", ["name", "label", "ra"]),
        ("#name,label,ra\n", ["name", "label", "ra"]),
        ("# My galaxies, of 2024\n# name , label,ra\n", ["name", "label", "ra"]),
        ("# name,label,ra\n# made by me\n", ["name", "label", "ra"]),
        ("## Galaxies, spirals, others\nname,label,ra\n", ["name", "label", "ra"]),
        ("#Table1\nname,label,ra\n", ["name", "label", "ra"]),
        ("# a,b,c\n", ["a", "b", "c"]),
        ('# "name","label","ra"\n', ["name", "label", "ra"]),
    ],
)
def test_headers_behind_a_comment_sign(tmp_path, head, names):
    (tmp_path / "t.csv").write_text(head + "NGC 1,spiral,1.5\nNGC 2,elliptical,2.5\n")
    with TableFile(tmp_path / "t.csv") as table:
        assert table.names == names
        columns = table.read([names[0]], [names[2]])
    assert columns.texts(names[0]) == ["NGC 1", "NGC 2"] and columns.numbers(names[2]).tolist() == [1.5, 2.5]


def test_a_commented_header_of_another_shape_is_pointed_at(tmp_path):
    (tmp_path / "t.csv").write_text("# name label ra\nNGC 1,spiral,1.5\n")
    with TableFile(tmp_path / "t.csv") as table:
        assert "lines that begin with '#' are skipped" in table.missing(["label"], "x")
