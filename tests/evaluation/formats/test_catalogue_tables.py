"""Every format of the catalogue against what other programs read in it."""

import csv
import io
import json
import math
import shutil
import subprocess
import warnings
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import pyvo
from astropy.io import fits, votable
from astropy.io.votable.ucd import check_ucd
from astropy.table import Table
from catalogue_parts import FEATURES, MODELS, block, parts
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.formats.catalogue import COLUMNS, SURVEY_COLUMNS
from evaluation.formats.tables.blocks import Measurer, TableError, blocks
from evaluation.formats.tables.write import WRITERS, write_table

FILES = {"csv": "t.csv", "ecsv": "t.ecsv", "fits": "t.fits", "votable": "t.vot", "parquet": "t.parquet"}
TOTAL = 900


def measured(every, notes=("a note",)):
    measurer = Measurer()
    for part in every():
        measurer.add(part)
    return measurer.layout(notes)


def written(folder, kind, every):
    path = folder / FILES[kind]
    write_table(path, kind, every, measured(every))
    return path


def read(path, kind):
    if kind == "csv":
        return Table.read(path, format="ascii.csv", converters={"name": str, "model_version": str})
    return Table.read(path, format="parquet.votable") if kind == "parquet" else Table.read(path)


def text(cell):
    return cell.decode() if isinstance(cell, bytes) else str(cell)


@pytest.fixture(scope="module")
def rows():
    return pa.concat_tables(list(parts(TOTAL)())).to_pydict()


@pytest.mark.parametrize("kind", WRITERS)
def test_astropy_reads_every_value(kind, rows, tmp_path):
    table = read(written(tmp_path, kind, parts(TOTAL)), kind)
    # The entropy is unknown in every row.
    names = [c.name for c in (*COLUMNS, *SURVEY_COLUMNS) if c.name in rows and c.name != "entropy"]
    assert table.colnames == names and len(table) == len(rows["row"])
    for column in (*COLUMNS, *SURVEY_COLUMNS):
        if column.name not in names:
            continue
        if column.dtype == "str":
            assert [text(cell) for cell in table[column.name]] == rows[column.name]
        elif column.is_array:
            length = {"p_elliptical_models": MODELS, "embedding": FEATURES}[column.name]
            known = [cells or [math.nan] * length for cells in rows[column.name]]
            if kind == "csv":
                lists = [json.loads(cell) for cell in table[column.name]]
                cells = [[math.nan if x is None else x for x in numbers] for numbers in lists]
            else:
                cells = np.ma.filled(np.ma.asarray(table[column.name]), np.nan)
            np.testing.assert_array_equal(np.asarray(cells, np.float32), np.asarray(known, np.float32))
        else:
            known = np.array([math.nan if x is None else x for x in rows[column.name]])
            cells = np.ma.asarray(table[column.name])
            cells = cells.filled(np.nan) if cells.dtype.kind == "f" else np.asarray(cells)
            np.testing.assert_array_equal(cells.astype(column.dtype), known.astype(column.dtype))


@pytest.mark.parametrize("kind", ["ecsv", "fits", "votable", "parquet"])
def test_units_and_descriptions_are_read_by_astropy(kind, tmp_path):
    path = written(tmp_path, kind, parts(TOTAL))
    table = read(path, kind)
    described = {column.name: column for column in (*COLUMNS, *SURVEY_COLUMNS)}
    for name in table.colnames:
        assert str(table[name].unit or "") == described[name].unit
        if kind == "fits":
            header = fits.getheader(path, 1)
            number = table.colnames.index(name) + 1
            found = header[f"TCOMM{number}"], header[f"TUCD{number}"]
        else:
            found = table[name].description, table[name].meta["ucd"]
        assert found == (described[name].description, described[name].ucd)


def test_the_ucds_and_units_are_words_of_the_standards():
    from astropy.units import Unit

    for column in SURVEY_COLUMNS:
        assert check_ucd(column.ucd, check_controlled_vocabulary=True)
        assert not column.unit or Unit(column.unit, format="vounit")


def test_the_frame_of_the_positions_is_stated(tmp_path):
    header = fits.getheader(written(tmp_path, "fits", parts(50)), 1)
    assert header["RADESYS"] == "ICRS"
    schema = pyarrow.parquet.read_schema(written(tmp_path, "parquet", parts(50)))
    head = schema.metadata[b"IVOA.VOTable-Parquet.content"]
    assert schema.metadata[b"IVOA.VOTable-Parquet.version"] == b"1.0" and b"<DATA" not in head
    for source in (written(tmp_path, "votable", parts(50)), io.BytesIO(head)):
        file = votable.parse(source, verify="exception")
        (system,) = file.resources[0].coordinate_systems
        fields = {field.name: field for field in file.get_first_table().fields}
        assert system.system == "ICRS"
        assert [fields[name].ref for name in ("ra", "dec", "flags")] == [system.ID, system.ID, None]
    assert Table.read(written(tmp_path, "ecsv", parts(50))).meta["RADESYS"] == "ICRS"


def test_pyvo_finds_columns_by_ucd_in_votable_and_parquet(tmp_path):
    schema = pyarrow.parquet.read_schema(written(tmp_path, "parquet", parts(50)))
    head = io.BytesIO(schema.metadata[b"IVOA.VOTable-Parquet.content"])
    file = votable.parse(written(tmp_path, "votable", parts(50)))
    for source, count in ((file, 45), (votable.parse(head), 0)):
        for resource in source.resources:
            resource.infos.append(votable.tree.Info(name="QUERY_STATUS", value="OK"))
        results = pyvo.dal.DALResults(source)
        assert len(results) == count
        assert results.fieldname_with_ucd("pos.eq.ra") == "ra"
        assert results.getdesc("ra").unit == "deg" and results.getdesc("flags").datatype == "int"
        assert results.getdesc("embedding").arraysize == str(FEATURES)


def test_fits_is_what_astropy_would_write(tmp_path):
    path = written(tmp_path, "fits", parts(TOTAL))
    assert path.stat().st_size % 2880 == 0
    with fits.open(path) as file:
        file.verify("exception")
        data, columns = file[1].data, file[1].columns
        assert (columns["embedding"].format, columns["row"].format) == (f"{FEATURES}E", "K")
        other = fits.BinTableHDU(data=np.array(data, data.dtype))
        other.writeto(tmp_path / "other.fits")
    with fits.open(tmp_path / "other.fits") as other, fits.open(path) as file:
        assert other[1].data.tobytes() == file[1].data.tobytes()


@pytest.mark.parametrize("kind", WRITERS)
def test_without_rows_there_is_an_empty_table(kind, tmp_path):
    path = written(tmp_path, kind, lambda: iter(()))
    table = Table.read(path, format="ascii.csv") if kind == "csv" else read(path, kind)
    assert len(table) == 0 and table.colnames[:3] == ["name", "ra", "dec"]


@pytest.mark.parametrize("kind", WRITERS)
def test_the_file_does_not_depend_on_the_blocks(kind, tmp_path, monkeypatch):
    one = written(tmp_path, kind, parts(TOTAL)).read_bytes()
    (tmp_path / "other").mkdir()
    assert written(tmp_path / "other", kind, parts(TOTAL, size=7)).read_bytes() == one
    if kind != "parquet":  # whose groups of rows are the blocks
        monkeypatch.setattr("evaluation.formats.tables.blocks.BLOCK_ROWS", 100)
        assert written(tmp_path / "other", kind, parts(TOTAL, size=30)).read_bytes() == one


def test_memory_holds_blocks_of_bounded_size(monkeypatch):
    monkeypatch.setattr("evaluation.formats.tables.blocks.BLOCK_BYTES", 20_000)
    layout = measured(parts(TOTAL))
    sizes = [part.nbytes for part in blocks(parts(TOTAL, size=20)(), layout)]
    assert len(sizes) > 2 and max(sizes) < 24_000


def test_a_list_that_is_null_becomes_nan_since_readers_of_parquet_fail_on_it(tmp_path):
    path = written(tmp_path, "parquet", lambda: iter([block([2, 3, 4])]))
    table = pyarrow.parquet.read_table(path)
    assert table["p_elliptical_models"].null_count == 0 and table["novelty"].null_count == 1
    assert math.isnan(table["p_elliptical_models"][1].as_py()[0])


NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)


@settings(max_examples=40, deadline=None)
@given(st.lists(NAMES, min_size=1, max_size=4))
def test_any_name_survives(tmp_path_factory, names):
    folder = tmp_path_factory.mktemp("names")
    rows = block(range(10, 10 + len(names)), optional=False)
    rows = rows.set_column(rows.column_names.index("name"), "name", pa.array(names))
    layout = measured(lambda: iter([rows]))
    for kind in WRITERS:
        path = folder / FILES[kind]
        write_table(path, kind, lambda: iter([rows]), layout)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            if kind == "parquet":
                found = pyarrow.parquet.read_table(path)["name"].to_pylist()
                expected = names
            elif kind == "fits":
                found = [text(cell) for cell in Table.read(path, mask_invalid=False)["name"]]
                # FITS pads with NUL, and astropy strips blanks of all kinds at the end.
                found, expected = [_stripped(name) for name in found], [_stripped(name) for name in names]
            elif kind == "votable":
                found = [str(cell) for cell in votable.parse(path).get_first_table().array["name"]]
                legal = [
                    "".join(
                        "\ufffd" if (ord(c) < 32 and c not in "\t\n\r") or c in "\ufffe\uffff" else c
                        for c in n
                    )
                    for n in names
                ]
                # astropy strips what surrounds a cell.
                found, expected = [name.strip() for name in found], [name.strip() for name in legal]
            else:
                with open(path, encoding="utf-8", newline="") as file:
                    lines = list(file) if kind == "csv" else _after_heading(file)
                found = [line[0] for line in csv.reader(lines)][1:]
                expected = names
        assert found == expected, kind


def _stripped(name):
    return name.rstrip(" \t\n\v\f\r\0")


def _after_heading(file):
    lines = list(file)
    while lines[0].startswith("#"):
        lines.pop(0)
    return lines


@pytest.mark.parametrize("kind", ["fits", "votable"])
def test_stil_the_library_of_topcat_reads_it(kind, rows, tmp_path):
    if shutil.which("stilts") is None:
        pytest.skip("stilts (Debian's package of that name) is not installed")
    path = written(tmp_path, kind, parts(TOTAL))
    command = ["stilts", "tpipe", f"in={path}", f"ifmt={kind}", "ofmt=csv", f"out={tmp_path / 'back.csv'}"]
    subprocess.run(
        [*command, "cmd=keepcols 'row flags ra novelty'", "cmd=select '(flags & 64) != 0'"], check=True
    )
    back = Table.read(tmp_path / "back.csv", format="ascii.csv")
    wanted = [place for place, flags in enumerate(rows["flags"]) if flags & 64]
    assert list(back["row"]) == [rows["row"][place] for place in wanted]
    known = np.array([rows["ra"][place] for place in wanted])
    np.testing.assert_array_equal(np.ma.filled(back["ra"], np.nan), known)
    told = subprocess.run(
        ["stilts", "tpipe", f"in={path}", f"ifmt={kind}", "omode=meta"], capture_output=True, text=True
    ).stdout
    assert "ra(Double)/deg - right ascension, J2000" in told and f"embedding(float[{FEATURES}])" in told
    if kind == "votable":
        lint = subprocess.run(["stilts", "votlint", f"votable={path}"], capture_output=True, text=True)
        assert (lint.returncode, lint.stdout) == (0, "")


def test_blocks_that_do_not_fit_together_are_refused():
    measurer = Measurer()
    measurer.add(block([1]))
    with pytest.raises(TableError, match="others"):
        measurer.add(block([2], optional=False))
    other = block([2])
    longer = pa.array([[1.0] * 9], pa.list_(pa.float32(), 9))
    with pytest.raises(TableError, match="embedding has 9 numbers in one block, 5 in another"):
        measurer.add(other.set_column(other.column_names.index("embedding"), "embedding", longer))
    with pytest.raises(TableError, match="lacks the column flags"):
        Measurer().add(other.drop_columns(["flags"]))
    loose = pa.array([[1.0]], pa.list_(pa.float32()))
    with pytest.raises(TableError, match="not a list of fixed size"):
        Measurer().add(other.set_column(other.column_names.index("embedding"), "embedding", loose))


def test_fits_refuses_rows_that_were_not_counted(tmp_path):
    layout = replace(measured(parts(50)), rows=44)
    with pytest.raises(RuntimeError, match="45 rows"):
        write_table(tmp_path / "t.fits", "fits", parts(50), layout)
