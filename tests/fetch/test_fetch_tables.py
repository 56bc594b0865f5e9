"""Tables of labels: fetched once, the same ever after."""

import csv
import gzip
import hashlib
import re
from dataclasses import replace

import pytest
from local_server import QUICK, answer, with_ranges

from fetch import tables
from fetch.errors import FetchError
from fetch.known_tables import TABLES, KnownTable
from fetch.tables import fetch_table

ROWS = b"".join(b"%d,1.0,2.0\n" % row for row in range(20_000))
TABLE = gzip.compress(b"dr7objid,ra,dec\n" + ROWS, mtime=0)
DIGEST = hashlib.sha256(TABLE).hexdigest()


@pytest.fixture
def url(server):
    return server.on("/data/gz2_hart16.csv.gz", answer(TABLE))


def records(folder):
    with open(folder / "tables.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_by_address(server, url, tmp_path):
    folder = tmp_path / "new" / "folder"
    came = fetch_table(f"{url}?token=sesame", folder, patience=QUICK)
    assert came.path == folder / "gz2_hart16.csv.gz"
    assert came.path.read_bytes() == TABLE
    assert (came.fetched, came.sha256, came.bytes, came.proof) == (True, DIGEST, len(TABLE), "")
    (record,) = records(folder)
    assert record["address"] == url
    assert (record["file"], record["sha256"], record["bytes"]) == (came.path.name, DIGEST, str(len(TABLE)))
    assert "sesame" not in (folder / "tables.csv").read_text()


def test_by_name(server, url, tmp_path, monkeypatch):
    monkeypatch.setitem(TABLES, "gz2", replace(TABLES["gz2"], url=url))
    came = fetch_table("gz2", tmp_path, patience=QUICK)
    assert "Hart et al. 2016" in came.cite


def test_a_second_call_asks_nobody(server, url, tmp_path):
    fetch_table(url, tmp_path, patience=QUICK)
    first = records(tmp_path)
    again = fetch_table(url, tmp_path, patience=QUICK)
    assert (again.fetched, again.proof) == (False, str(tmp_path / "tables.csv"))
    assert len(server.asked) == 1
    assert records(tmp_path) == first


def test_a_later_download_must_be_the_first_one(server, url, tmp_path):
    came = fetch_table(url, tmp_path, patience=QUICK)
    came.path.unlink()
    other = gzip.compress(b"something else")
    server.on("/data/gz2_hart16.csv.gz", answer(other))
    digest = hashlib.sha256(other).hexdigest()
    with pytest.raises(FetchError, match=rf"tables.csv says: what came has SHA-256 {digest}, not {DIGEST}"):
        fetch_table(url, tmp_path, patience=QUICK)
    assert not came.path.exists()
    assert fetch_table(url, tmp_path, sha256=digest, patience=QUICK).proof == "--sha256"
    assert records(tmp_path)[0]["sha256"] == digest


def test_a_table_that_was_changed_here(server, url, tmp_path):
    fetch_table(url, tmp_path, patience=QUICK).path.write_bytes(gzip.compress(b"mine"))
    with pytest.raises(FetchError, match=r"is there, but is not what .* move it away"):
        fetch_table(url, tmp_path, patience=QUICK)


def test_pinned(server, url, tmp_path):
    with pytest.raises(FetchError, match="is not what --sha256 says"):
        fetch_table(url, tmp_path, sha256="0" * 64, patience=QUICK)
    assert fetch_table(url, tmp_path, sha256=DIGEST.upper(), patience=QUICK).sha256 == DIGEST


def test_published_checksum(server, url, tmp_path, monkeypatch):
    monkeypatch.setitem(TABLES, "x", KnownTable(url, "", "", "1" * 64))
    with pytest.raises(FetchError, match="is not what its publication says"):
        fetch_table("x", tmp_path, patience=QUICK)
    monkeypatch.setitem(TABLES, "x", KnownTable(url, "", "", DIGEST))
    assert fetch_table("x", tmp_path, patience=QUICK).proof == "its publication"


def test_my_own_copy_is_kept(server, url, tmp_path):
    (tmp_path / "gz2_hart16.csv.gz").write_bytes(TABLE)
    assert not fetch_table(url, tmp_path, patience=QUICK).fetched
    assert server.asked == []


def test_tables_share_a_record(server, url, tmp_path):
    other = server.on("/other.csv", answer(b"name,ra,dec\n"))
    fetch_table(url, tmp_path, patience=QUICK)
    fetch_table(other, tmp_path, patience=QUICK)
    assert [record["file"] for record in records(tmp_path)] == ["gz2_hart16.csv.gz", "other.csv"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<!DOCTYPE html><html></html>", "web page"),
        (b"  \n<HTML>", "web page"),
        (TABLE[:-10], "damaged"),
        (TABLE[:1000] + b"\0\0\0\0" + TABLE[1004:], "damaged"),
        (gzip.compress(b"<html>", mtime=0), "web page"),
        (b"", "empty"),
    ],
    ids=["page", "page in capitals", "cut", "overwritten", "zipped page", "nothing"],
)
def test_what_is_no_table(server, url, tmp_path, body, message):
    server.on("/data/gz2_hart16.csv.gz", answer(body))
    with pytest.raises(FetchError, match=f"did not come: it is .*{message}"):
        fetch_table(url, tmp_path, patience=QUICK)
    (tmp_path / "gz2_hart16.csv.gz").write_bytes(body)
    with pytest.raises(FetchError, match=f"is there, but it is .*{message}"):
        fetch_table(url, tmp_path, patience=QUICK)


def test_an_interrupted_table_is_resumed(server, url, tmp_path):
    once = replace(QUICK, retries=0)
    server.on("/data/gz2_hart16.csv.gz", with_ranges(TABLE, drop_after=20_000))
    with pytest.raises(FetchError, match="the connection broke"):
        fetch_table(url, tmp_path, patience=once)
    server.on("/data/gz2_hart16.csv.gz", with_ranges(TABLE))
    assert fetch_table(url, tmp_path, patience=once).sha256 == DIGEST
    assert server.asked[1].headers["Range"].startswith("bytes=")


def test_too_large(server, url, tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "MAX_TABLE_BYTES", 1000)
    with pytest.raises(FetchError, match="larger than"):
        fetch_table(url, tmp_path, patience=QUICK)


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        ("gz3", {}, r"unknown table 'gz3'; tables are gz1, gz2, .* or give an address"),
        ("ftp://host/table.csv", {}, "https://"),
        ("file:///etc/passwd", {}, "https://"),
        ("https://host/", {}, "no file name"),
        ("https://host/..", {}, "no file name"),
        ("https://host/%2e%2e", {}, "no file name"),
        ("https://host/a%00b", {}, "no file name"),
        ("https://host/tables.csv", {}, "no file name"),
        ("gz2", {"sha256": "12"}, "64 hexadecimal digits"),
    ],
)
def test_bad_input(tmp_path, table, options, message):
    with pytest.raises(FetchError, match=message):
        fetch_table(table, tmp_path, **options)
    assert list(tmp_path.iterdir()) == []


def test_names_in_addresses_do_not_lead_out(server, tmp_path):
    server.default = [answer(TABLE)]
    came = fetch_table(f"{server.url}/x/..%2F..%2Fevil.csv.gz", tmp_path, patience=QUICK)
    assert came.path == tmp_path / "evil.csv.gz"


def test_folder_that_cannot_be_written(server, url, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FetchError, match="cannot be written"):
        fetch_table(url, tmp_path / "file", patience=QUICK)


def test_known_tables_are_addresses_with_names_of_their_own():
    names = {tables._file_name(known.url) for known in TABLES.values()}
    assert len(names) == len(TABLES)
    for known in TABLES.values():
        assert known.url.startswith("https://")
        assert known.cite
        assert known.sha256 is None or re.fullmatch("[0-9a-f]{64}", known.sha256)
