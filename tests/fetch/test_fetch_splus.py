"""S-PLUS stamps through its own package, from a local server with the interface of splus.cloud."""

import json
import sys
from threading import Event

import pytest
from local_server import QUICK, Asked, answer, breaking_off, stamp_bytes

from fetch.errors import Cause, DownloadError, FetchError
from fetch.manifest import read_manifest
from fetch.splus import SplusSource, credentials
from fetch.stamps import fetch_stamps
from fetch.targets import Target

ACCOUNT = {"SPLUS_USERNAME": "ada", "SPLUS_PASSWORD": "correct horse"}
LOGIN, ME = "/adss/v1/auth/login", "/adss/v1/users/me"
COLLECTIONS = "/adss/v1/images/collections/"
STAMPS = "/adss/v1/images/collections/7/stamp_by_coordinates"
STAMP = stamp_bytes(12)


def as_json(content, status=200, **headers):
    return answer(json.dumps(content).encode(), status, Content_Type="application/json", **headers)


@pytest.fixture
def splus(server, monkeypatch):
    pytest.importorskip("splusdata", reason="the package splusdata is not installed")
    # Its own waits between attempts to connect, 3.5 s in all.
    monkeypatch.setattr("adss.auth._BACKOFF_FACTOR", 0.001)
    server.on(LOGIN, as_json({"access_token": "token-1"}), as_json({"access_token": "token-2"}))
    server.on(ME, as_json({"id": "1", "username": "ada", "email": "a@b.c", "is_active": True}))
    known = [{"id": 3, "name": "splus_idr3", "patterns": {}}, {"id": 7, "name": "splus_dr4", "patterns": {}}]
    server.on(COLLECTIONS, as_json(known))
    server.on(STAMPS, answer(STAMP))
    return server


def source(server, **options):
    options = {"size": 12, "data_release": "dr4", "max_bytes": 2**20, "patience": QUICK, **options}
    return SplusSource(environment=ACCOUNT, server=server.url, **options)


def fetched(server, folder, **options):
    part = folder / "part"
    attempts = source(server, **options).fetch(Target("a", 10.0, -1.5), "F660", part, Event())
    return part.read_bytes(), attempts


def requests_of(server, path) -> list[Asked]:
    return [request for request in server.asked if request.path.partition("?")[0] == path]


@pytest.mark.parametrize(
    ("environment", "missing"),
    [
        ({}, "set SPLUS_USERNAME and SPLUS_PASSWORD in"),
        ({"SPLUS_USERNAME": "ada"}, "set SPLUS_PASSWORD in"),
        ({"SPLUS_USERNAME": " ", "SPLUS_PASSWORD": "secret"}, "set SPLUS_USERNAME in"),
    ],
)
def test_credentials_are_wanted_before_anything_starts(environment, missing):
    with pytest.raises(FetchError, match=missing) as caught:
        SplusSource(size=1, data_release="", max_bytes=1, patience=QUICK, environment=environment)
    assert "secret" not in str(caught.value)


def test_credentials_come_from_the_environment(monkeypatch):
    for name, value in ACCOUNT.items():
        monkeypatch.setenv(name, value)
    assert credentials() == ("ada", "correct horse")


def test_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "splusdata", None)
    with pytest.raises(FetchError, match="pip install splusdata"):
        SplusSource(size=1, data_release="", max_bytes=1, patience=QUICK, environment=ACCOUNT)


def test_a_stamp(splus, tmp_path):
    assert fetched(splus, tmp_path) == (STAMP, 1)
    (asked,) = requests_of(splus, STAMPS)
    assert asked.method == "POST"
    assert asked.headers["Authorization"] == "Bearer token-1"
    wanted = {"ra": 10.0, "dec": -1.5, "size": 12, "filter": "F660", "size_unit": "pixels", "format": "fits"}
    assert json.loads(asked.body) == wanted
    assert len(requests_of(splus, COLLECTIONS)) == 1


def test_a_whole_table(splus, tmp_path):
    from_splus = source(splus)
    objects = [Target(f"SPLUS.n01s02.{number}", 10.0 + number, 0.0) for number in range(5)]
    summary = fetch_stamps(objects, ("I", "R"), tmp_path, from_splus, size=12)
    assert summary.counts == {"fetched": 10}
    assert (tmp_path / "R_stamps" / "SPLUS.n01s02.3_R.fits").read_bytes() == STAMP
    assert len(requests_of(splus, STAMPS)) == 10
    assert len(requests_of(splus, LOGIN)) == len(requests_of(splus, COLLECTIONS)) == 1


def test_wrong_password(splus):
    splus.on(LOGIN, as_json({"detail": "wrong password correct horse of ada"}, 401))
    with pytest.raises(FetchError, match="S-PLUS: HTTP 401 Unauthorized") as caught:
        source(splus)
    assert "horse" not in str(caught.value)
    assert "ada" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_no_server(nowhere, monkeypatch):
    pytest.importorskip("splusdata")
    monkeypatch.setattr("adss.auth._BACKOFF_FACTOR", 0.001)
    with pytest.raises(FetchError, match="S-PLUS: the server cannot be reached"):
        SplusSource(
            size=12,
            data_release="dr4",
            max_bytes=1,
            patience=QUICK,
            environment=ACCOUNT,
            server=nowhere,
        )


def test_unknown_data_release(splus):
    with pytest.raises(FetchError, match="no data release 'dr9'; it has splus_dr4, splus_idr3"):
        source(splus, data_release="dr9")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_passing_errors_are_tried_again(splus, tmp_path, status):
    splus.on(STAMPS, as_json({"detail": "busy"}, status, Retry_After="0"), answer(STAMP))
    assert fetched(splus, tmp_path) == (STAMP, 2)


def test_outside_the_footprint(splus, tmp_path):
    splus.on(STAMPS, as_json({"detail": "No image of token-1 covers this position"}, 404))
    with pytest.raises(DownloadError, match=r"^HTTP 404 Not Found: No image of \*\*\* covers this") as caught:
        fetched(splus, tmp_path)
    assert caught.value.cause is Cause.FAILED
    assert "token-1" not in caught.value.message
    assert len(requests_of(splus, STAMPS)) == 1


def test_a_token_that_ran_out_is_renewed(splus, tmp_path):
    splus.on(STAMPS, as_json({"detail": "expired"}, 401), answer(STAMP))
    assert fetched(splus, tmp_path) == (STAMP, 2)
    assert [request.headers["Authorization"] for request in requests_of(splus, STAMPS)] == [
        "Bearer token-1",
        "Bearer token-2",
    ]


def test_an_account_without_permission_is_not_retried(splus, tmp_path):
    splus.on(LOGIN, as_json({"access_token": "token-1"}))
    splus.on(STAMPS, as_json({"detail": "not yours"}, 403))
    with pytest.raises(DownloadError, match="HTTP 403") as caught:
        fetched(splus, tmp_path)
    assert caught.value.cause is Cause.REFUSED
    assert len(requests_of(splus, STAMPS)) == 1


def test_broken_connection(splus, tmp_path):
    splus.on(STAMPS, breaking_off(STAMP, len(STAMP) + 1), answer(STAMP))
    assert fetched(splus, tmp_path) == (STAMP, 2)


def test_too_large(splus, tmp_path):
    with pytest.raises(DownloadError, match=r"larger than .* 100 bytes"):
        fetched(splus, tmp_path, max_bytes=100)


def test_what_is_no_stamp_is_listed(splus, tmp_path):
    splus.on(STAMPS, answer(b"<html>maintenance</html>"))
    with pytest.raises(FetchError, match="web page"):
        fetch_stamps([Target("a", 1, 1)], ("I",), tmp_path, source(splus), size=12)
    (entry,) = read_manifest(tmp_path / "manifest.csv").values()
    assert entry.status == "failed"


def test_nothing_secret_is_left_behind(splus, tmp_path, caplog, capfd):
    caplog.set_level("DEBUG")
    splus.on(STAMPS, as_json({"detail": "bad token-1 of ada, correct horse"}, 400), answer(STAMP))
    objects = [Target("a", 1, 1), Target("b", 1, 1)]
    fetch_stamps(objects, ("I",), tmp_path, source(splus), size=12, workers=1)
    printed = capfd.readouterr()
    text = (tmp_path / "manifest.csv").read_text() + caplog.text + printed.out + printed.err
    for secret in ("correct horse", "token-1", "ada,"):
        assert secret not in text
