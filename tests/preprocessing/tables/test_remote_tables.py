"""Tables in an object store."""

import gzip

import numpy as np
import pytest
from astropy.table import Table
from object_store import BUCKET

from preprocessing.data_settings import DataSettings
from preprocessing.locations import location
from preprocessing.rows.exclusion import read_rows
from preprocessing.tables.files import TableError, TableFile

ROWS = Table({"name": ["a", "b", "é"], "label": ["spiral", "elliptical", "spiral"], "ra": [1.0, 2.0, 3.5]})
FORMATS = {"csv": "csv", "ecsv": "ascii.ecsv", "fits": "fits", "votable": "votable", "parquet": "parquet"}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("table_format", FORMATS)
def test_every_format(object_store, tmp_path, table_format, packed):
    path = tmp_path / "table"
    table = ROWS.copy()
    if table_format == "fits":
        table["name"] = ["a", "b", "c"]
    table.write(path, format=FORMATS[table_format])
    content = path.read_bytes()
    uri = object_store.put("table", gzip.compress(content) if packed else content)
    with TableFile(location(uri)) as found:
        columns = found.read(["name"], ["ra"])
    assert columns.identifiers("name") == list(table["name"])
    np.testing.assert_array_equal(columns.numbers("ra"), table["ra"])


@pytest.mark.parametrize(
    ("key", "says"),
    [("absent.csv", "does not exist"), ("empty.csv", "is empty"), ("page.csv", "web page")],
)
def test_what_cannot_be_used_names_the_uri(object_store, key, says):
    object_store.put("empty.csv", b"")
    object_store.put("page.csv", b"<html>")
    with pytest.raises(TableError) as refused:
        TableFile(location(f"s3://{BUCKET}/{key}"))
    assert f"s3://{BUCKET}/{key}" in str(refused.value) and says in str(refused.value)


def test_a_store_that_cannot_be_read(object_store):
    object_store.fault = lambda environ: (400, "ExpiredToken")
    with pytest.raises(TableError, match="token has expired"):
        TableFile(location(f"s3://{BUCKET}/t.csv"))


def test_the_tables_of_a_configuration(object_store, tmp_path):
    tables = {
        "labels.csv": "name,label,ra,dec\n1,spiral,10,0\n2,elliptical,20,0\n3,spiral,30,0\n4,spiral,40,0\n",
        "positions.csv": "name,ra,dec\na,10,0\nb,20,0\nc,30,0\nd,40,0\n",
        "exclude.csv": "name\nc\n",
        "corrections.csv": "name,label\nd,elliptical\n",
    }
    for name, text in tables.items():
        (tmp_path / name).write_text(text)
    object_store.upload(tmp_path, "t/")

    def rows(place: str):
        named = {name.removesuffix(".csv"): f"{place}/{name}" for name in tables}
        table = read_rows(DataSettings(stamps=f"{place}/{{name}}_{{band}}.fits", **named))
        return [(one.name, one.label) for one in table.objects], [
            (one.row, one.reason, one.message) for one in table.rejects
        ]

    assert rows(f"s3://{BUCKET}/t") == rows(str(tmp_path))
    assert rows(f"s3://{BUCKET}/t")[0] == [("a", 0), ("b", 1), ("d", 1)]
