import pytest
from field_survey import write_table

from catalog.errors import CatalogError
from catalog.fields.tables import FieldFile, _file, read_fields, read_sources
from preprocessing.locations import Remote

BANDS = ("I", "R", "G")


def test_fields_by_band_with_paths_relative_to_the_table(tmp_path):
    rows = [
        {"field": "S1", "band": "i", "path": "a.fits", "zero_point": 23.5, "weight_path": "w.fits"},
        {"field": "S2", "band": "R", "path": tmp_path / "b.fits", "zero_point": "", "weight_path": ""},
        {"field": "S1", "band": "R", "path": "../c.fits", "zero_point": "nan", "weight_path": ""},
        {"field": "S1", "band": "J0660", "path": "d.fits", "zero_point": "", "weight_path": ""},
    ]
    (tmp_path / "sub").mkdir()
    entries = read_fields(write_table(tmp_path / "sub" / "fields.csv", rows), BANDS)
    assert list(entries) == ["S1", "S2"]
    assert entries["S1"].files == {
        "I": FieldFile(tmp_path / "sub" / "a.fits", 23.5, tmp_path / "sub" / "w.fits"),
        "R": FieldFile(tmp_path / "c.fits"),
    }
    assert entries["S2"].files == {"R": FieldFile(tmp_path / "b.fits")}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"path": ""}, "row 2: the path is missing"),
        ({"field": ""}, "row 2: the name of the field is missing"),
        ({"band": "J"}, "row 2: unknown band 'J'"),
        ({"band": "i"}, "row 2 repeats field S1, band I of row 1"),
        ({"path": "s3://bucket/a.fits"}, "row 2: s3://bucket/a.fits is a URI"),
        ({"zero_point": "-99"}, "zero_point = -99 is not a zero point"),
        ({"zero_point": "bright"}, "zero_point = 'bright' is not a number"),
    ],
)
def test_rows_that_are_refused(tmp_path, row, message):
    good = {"field": "S1", "band": "I", "path": "a.fits", "zero_point": ""}
    table = write_table(tmp_path / "fields.csv", [good, {**good, "band": "R", **row}])
    with pytest.raises(CatalogError, match=message):
        read_fields(table, BANDS)


def test_tables_that_are_refused(tmp_path):
    with pytest.raises(CatalogError, match="no column 'path'"):
        read_fields(write_table(tmp_path / "a.csv", [{"field": 1, "band": "R"}]), BANDS)
    with pytest.raises(CatalogError, match="does not exist"):
        read_fields(tmp_path / "none.csv", BANDS)
    with pytest.raises(CatalogError, match="no column 'name'"):
        read_sources(write_table(tmp_path / "b.csv", [{"ra": 1, "dec": 2}]))
    with pytest.raises(CatalogError, match="no positions"):
        read_sources(write_table(tmp_path / "c.csv", [{"name": "a", "ra": "", "dec": 2}]))


def test_relative_paths_need_a_table_on_a_disk():
    with pytest.raises(CatalogError, match="relative to a table in an object store"):
        _file(Remote("s3://bucket/fields.csv"), "a.fits", "row 1")
    assert str(_file(Remote("s3://bucket/fields.csv"), "/data/a.fits", "row 1")) == "/data/a.fits"


def test_sources_in_sexagesimal_angles_and_in_pixels(tmp_path):
    rows = [
        {
            "ID": "a",
            "RAJ2000": "10:00:00",
            "DEJ2000": "-00:30:00",
            "Field": "S1",
            "X_IMAGE": 1.5,
            "Y_IMAGE": 2,
        },
        {"ID": "a", "RAJ2000": "", "DEJ2000": "", "Field": "S2", "X_IMAGE": "", "Y_IMAGE": 2},
    ]
    found = read_sources(write_table(tmp_path / "s.csv", rows))
    assert found.objects.column("name").to_pylist() == ["a", "a"]
    assert found.objects.column("ra")[0].as_py() == 150 and found.objects.column("dec")[0].as_py() == -0.5
    assert found.field == ["S1", "S2"]
    assert found.x[0] == 1.5 and found.x[1] != found.x[1] and found.y.tolist() == [2, 2]
