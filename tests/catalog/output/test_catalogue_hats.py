"""The HATS catalogue, opened again by lsdb."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from astropy.table import Table
from catalogue_parts import about, block, parts, rejects

from catalog.errors import CatalogError
from catalog.output.write import write_catalogue

TOTAL = 300


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    out = tmp_path_factory.mktemp("hats") / "my survey é"
    summary = write_catalogue(out, "hats", parts(TOTAL), about(), rejects=rejects(TOTAL), rows=TOTAL)
    return out, summary


@pytest.fixture(scope="module")
def rows():
    return pa.concat_tables(list(parts(TOTAL)()))


def test_lsdb_opens_it_and_finds_every_placed_object(written, rows):
    import lsdb

    out, summary = written
    catalogue = lsdb.open_catalog(out / "hats")
    placed = ~np.isnan(rows["ra"].to_numpy())
    assert summary.without_position == (~placed).sum() > 0
    assert len(catalogue) == placed.sum() and catalogue.name == "my_survey"
    found = catalogue.compute().sort_values("row")
    assert list(found["row"]) == list(rows["row"].to_numpy()[placed] + 1)
    np.testing.assert_array_equal(found["p_elliptical"], rows["p_elliptical"].to_numpy()[placed])
    assert list(found["name"]) == list(np.array(rows["name"].to_pylist(), object)[placed])
    assert len(found["embedding"].iloc[0]) == 5
    ra, dec = float(found["ra"].iloc[7]), float(found["dec"].iloc[7])
    near = catalogue.cone_search(ra=ra, dec=dec, radius_arcsec=1).compute()
    assert list(near["row"]) == [found["row"].iloc[7]]


def test_units_and_ucds_are_kept(written):
    (file,) = (written[0] / "hats" / "dataset").rglob("Npix=*.parquet")
    schema = pyarrow.parquet.read_schema(file)
    assert schema.field("ra").metadata[b"unit"] == b"deg"
    assert schema.field("flags").metadata[b"ucd"] == b"meta.code.qual"
    # The VOTable would describe other columns than there are.
    assert b"IVOA.VOTable-Parquet.content" not in (schema.metadata or {})


def test_the_twin_has_all_rows_and_the_rest_those_without_position(written, rows):
    out, summary = written
    twin = Table.read(out / "catalogue.parquet", format="parquet.votable")
    assert len(twin) == summary.classified == len(rows)
    rest = Table.read(out / "without_position.parquet", format="parquet.votable")
    unknown = np.isnan(rows["ra"].to_numpy())
    assert list(rest["row"]) == list(rows["row"].to_numpy()[unknown] + 1)
    assert f"The {len(rest)} objects without one" in (out / "README.md").read_text()
    assert json.loads((out / "summary.json").read_text())["table"] == "hats"


def test_nothing_else_is_left(written):
    names = {path.name for path in written[0].iterdir()}
    assert {"hats", "catalogue.parquet", "without_position.parquet", "_SUCCESS"} <= names
    assert not any(name.startswith(".") for name in names)


def test_nothing_is_printed_although_beam_shows_messages(tmp_path, capfd, caplog):
    caplog.set_level("INFO")
    write_catalogue(tmp_path, "hats", lambda: iter([block(range(20))]), about(), rejects=lambda: iter(()))
    assert capfd.readouterr() == ("", "") and caplog.messages == []


def test_without_any_position_it_is_refused(tmp_path):
    with pytest.raises(CatalogError, match=r"no classified object has a position, which --format hats needs"):
        write_catalogue(
            tmp_path, "hats", lambda: iter([block([1, 2], placed=False)]), about(), rejects=lambda: iter(())
        )
    assert list(tmp_path.iterdir()) == []


def test_a_pixel_with_too_many_rows_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr("catalog.output.hats._PIXEL_ROWS", 1)
    one = block([0, 1, 2, 3])
    same = one.set_column(2, "ra", pa.array([10.0] * 4)).set_column(3, "dec", pa.array([5.0] * 4))
    with pytest.raises(CatalogError, match=r"^hats-import cannot make HATS: .*threshold"):
        write_catalogue(tmp_path, "hats", lambda: iter([same]), about(), rejects=lambda: iter(()))
    assert list(tmp_path.iterdir()) == []
