"""Stamps of a table, from a server on which some are missing and some are damaged."""

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from astropy.io import fits
from local_server import QUICK, answer, breaking_off, stamp_bytes, with_ranges

from fetch.cutouts import CutoutSource
from fetch.errors import FetchError
from fetch.manifest import read_manifest
from fetch.stamps import fetch_stamps
from fetch.targets import Target

BANDS = ("I", "R")
STAMP = stamp_bytes(12)
LOGIN = b"\n<!DOCTYPE html><html><body>Please log in</body></html>"


def targets(*names):
    return [Target(name, 10.0 + place, -1.0) for place, name in enumerate(names)]


def bring(server, folder, objects, bands=BANDS, url=None, patience=QUICK, **options):
    template = f"{url or server.url}/{{name}}/{{band}}?ra={{ra}}&dec={{dec}}&size={{size}}"
    source = CutoutSource(template, bands, size=12, max_bytes=2**20, patience=patience)
    return fetch_stamps(objects, bands, folder, source, size=12, **options)


def manifest(folder):
    return {f"{name} {band}": entry for (name, band), entry in read_manifest(folder / "manifest.csv").items()}


def test_layout_that_run_reads(server, tmp_path):
    server.default = [answer(STAMP)]
    summary = bring(server, tmp_path, targets("a.b-c.griz", "587722981736120347"))
    assert summary.counts == {"fetched": 4}
    assert summary.stamps == f"{tmp_path}/{{band}}_stamps/{{name}}_{{band}}.fits"
    files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.fits*"))
    assert files == [
        "I_stamps/587722981736120347_I.fits",
        "I_stamps/a.b-c.griz_I.fits",
        "R_stamps/587722981736120347_R.fits",
        "R_stamps/a.b-c.griz_R.fits",
    ]
    assert fits.getdata(tmp_path / files[0]).shape == (12, 12)
    paths = sorted(request.path for request in server.asked)
    assert paths[-1] == "/a.b-c.griz/R?ra=10.0000000&dec=-1.0000000&size=12"
    entry = manifest(tmp_path)["a.b-c.griz I"]
    assert (entry.file, entry.status, entry.bytes) == ("I_stamps/a.b-c.griz_I.fits", "fetched", len(STAMP))
    assert (len(entry.sha256), entry.attempts, entry.message, len(entry.time)) == (64, 1, "", 20)


def test_the_manifest_has_the_order_of_the_table(server, tmp_path):
    server.default = [answer(STAMP)]
    server.on("/c/I", _after(0.1, answer(STAMP)))
    bring(server, tmp_path, targets("c", "a", "b"))
    assert list(manifest(tmp_path)) == ["c I", "c R", "a I", "a R", "b I", "b R"]


def test_what_is_there_is_not_asked_for(server, tmp_path):
    server.default = [answer(STAMP)]
    bring(server, tmp_path, targets("a", "b"))
    before = manifest(tmp_path)
    server.asked.clear()
    summary = bring(server, tmp_path, targets("a", "b", "c"))
    assert summary.counts == {"present": 4, "fetched": 2}
    assert len(server.asked) == 2
    after = manifest(tmp_path)["a I"]
    assert (after.status, after.attempts) == ("present", 0)
    assert (after.time, after.sha256) == (before["a I"].time, before["a I"].sha256)


def test_files_of_others_are_kept_if_they_can_be_read(server, tmp_path):
    (tmp_path / "I_stamps").mkdir()
    (tmp_path / "I_stamps" / "a_I.fits").write_bytes(stamp_bytes(20))
    (tmp_path / "I_stamps" / "b_I.fits").write_bytes(STAMP[:3000])
    server.default = [answer(STAMP)]
    assert bring(server, tmp_path, targets("a", "b"), ("I",)).counts == {"present": 1, "fetched": 1}
    assert (tmp_path / "I_stamps" / "a_I.fits").read_bytes() == stamp_bytes(20)
    assert (tmp_path / "I_stamps" / "b_I.fits").read_bytes() == STAMP


def test_a_file_that_changed_since_is_looked_at_again(server, tmp_path):
    server.default = [answer(STAMP)]
    bring(server, tmp_path, targets("a"), ("I",))
    path = tmp_path / "I_stamps" / "a_I.fits"
    path.write_bytes(b"\0" * len(STAMP))
    assert bring(server, tmp_path, targets("a"), ("I",)).counts == {"fetched": 1}
    assert path.read_bytes() == STAMP


def test_failures_are_listed_and_do_not_stop_the_rest(server, tmp_path):
    server.default = [answer(STAMP)]
    server.on("/gone/I", answer(b"no", status=404))
    server.on("/short/I", breaking_off(STAMP, len(STAMP) + 5))
    server.on("/half/I", answer(STAMP[:3000]))
    server.on("/text/I", answer(b"not in the footprint"))
    server.on("/empty/I", answer(b""))
    server.on("/login/I", answer(LOGIN))
    server.on("/large/I", answer(b"x" * (2**20 + 1)))
    server.on("/twice/I", answer(status=500), answer(status=500), answer(STAMP))
    server.on("/busy/I", answer(status=429, Retry_After="0"), answer(STAMP))
    server.on("/torn/I", with_ranges(STAMP, drop_after=1000), with_ranges(STAMP))
    names = ("good", "gone", "short", "half", "text", "empty", "login", "large", "twice", "busy", "torn")
    summary = bring(server, tmp_path, targets(*names), ("I",))
    assert summary.counts == {"fetched": 4, "failed": 7}
    listed = manifest(tmp_path)
    assert len(listed) == len(names)
    messages = {name: listed[f"{name} I"].message for name in names}
    assert messages["gone"] == "HTTP 404 Not Found"
    assert messages["short"] == "the connection broke"
    assert "web page" in messages["login"]
    assert messages["large"].startswith("larger than")
    assert all("FITS" in messages[name] or "image" in messages[name] for name in ("half", "text")), messages
    assert messages["empty"]
    attempts = {"good": 1, "gone": 1, "short": 5, "twice": 3, "busy": 2, "torn": 2}
    assert {name: listed[f"{name} I"].attempts for name in attempts} == attempts
    there = sorted(path.stem for path in (tmp_path / "I_stamps").glob("*.fits"))
    assert there == ["busy_I", "good_I", "torn_I", "twice_I"]
    assert summary.reasons["HTTP 404 Not Found"] == 1


def test_failures_are_tried_again(server, tmp_path):
    server.on("/a/I", answer(STAMP))
    bring(server, tmp_path, targets("a", "b"), ("I",))
    server.on("/b/I", answer(STAMP))
    summary = bring(server, tmp_path, targets("a", "b"), ("I",))
    assert summary.counts == {"present": 1, "fetched": 1}
    assert [entry.status for entry in manifest(tmp_path).values()] == ["present", "fetched"]


def test_entries_of_other_tables_stay(server, tmp_path):
    server.on("/a/I", answer(STAMP))
    server.on("/c/R", answer(STAMP))
    bring(server, tmp_path, targets("a", "b"), ("I",))
    bring(server, tmp_path, targets("c"), ("R",))
    statuses = {key: entry.status for key, entry in manifest(tmp_path).items()}
    assert statuses == {"a I": "fetched", "b I": "failed", "c R": "fetched"}


@pytest.mark.parametrize("name", ["../../evil", "/etc/evil", "a/b", "..", ".", "a\0b", "a\\b", "x" * 300])
def test_names_do_not_lead_out_of_the_folder(server, tmp_path, name):
    server.default = [answer(STAMP)]
    folder = tmp_path / "in" / "side"
    summary = bring(server, folder, [Target("good", 1, 1), Target(name, 1, 1)], ("I",))
    assert summary.counts == {"fetched": 1, "failed": 1}
    assert [request.path.partition("?")[0] for request in server.asked if "good" not in request.path] == []
    outside = [path for path in tmp_path.rglob("*") if path.is_file() and folder not in path.parents]
    assert outside == []
    assert manifest(folder)[f"{name} I"].status == "failed"


def test_rows_without_a_position_are_listed(server, tmp_path):
    server.default = [answer(STAMP)]
    lost = replace(Target("lost", 0, 0), problem="no usable position")
    summary = bring(server, tmp_path, [*targets("a"), lost], ("I",))
    assert summary.counts == {"fetched": 1, "failed": 1}
    assert manifest(tmp_path)["lost I"].attempts == 0


def test_a_stamp_of_another_size_is_kept_and_noted(server, tmp_path):
    server.default = [answer(stamp_bytes(9))]
    bring(server, tmp_path, targets("edge"), ("I",))
    entry = manifest(tmp_path)["edge I"]
    assert (entry.status, entry.message) == ("fetched", "9 x 9 pixels instead of 12 x 12")


def test_a_folder_where_a_stamp_should_be(server, tmp_path):
    server.default = [answer(STAMP)]
    (tmp_path / "I_stamps" / "a_I.fits").mkdir(parents=True)
    assert bring(server, tmp_path, targets("a", "b"), ("I",)).counts == {"failed": 1, "fetched": 1}


def test_nothing_came(server, tmp_path):
    with pytest.raises(FetchError, match=r"all 4 stamps failed \(4 x HTTP 404 Not Found\)"):
        bring(server, tmp_path, targets("a", "b"))
    assert len(manifest(tmp_path)) == 4


def test_no_network_is_not_tried_for_every_stamp(nowhere, tmp_path):
    objects = targets(*(f"g{number}" for number in range(200)))
    with pytest.raises(FetchError, match=r"gave up on 127.0.0.1: .* cannot be reached.* 0 of 400 stamps"):
        bring(None, tmp_path, objects, url=nowhere, patience=replace(QUICK, retries=0))
    assert len(manifest(tmp_path)) < 200


def test_network_lost_on_the_way(server, nowhere, tmp_path):
    server.default = [answer(STAMP)]
    bring(server, tmp_path, targets("a", "b"), ("I",))
    with pytest.raises(FetchError, match="2 of 3 stamps"):
        bring(None, tmp_path, targets("a", "b", "c"), ("I",), url=nowhere)


def test_login_pages_are_not_collected(server, tmp_path):
    server.default = [answer(LOGIN)]
    with pytest.raises(FetchError, match="a login page"):
        bring(server, tmp_path, targets(*(f"g{number}" for number in range(200))))
    assert len(server.asked) < 200
    assert not list(tmp_path.rglob("*.fits"))


def test_folder_that_cannot_be_written(server, tmp_path):
    (tmp_path / "I_stamps").write_text("a file")
    with pytest.raises(FetchError, match=r"I_stamps cannot be written: File exists"):
        bring(server, tmp_path, targets("a"), ("I",))


def test_full_disk_stops_everything(server, tmp_path, monkeypatch):
    server.default = [answer(STAMP)]
    monkeypatch.setattr("fetch.one_stamp.put_in_place", _no_space)
    with pytest.raises(FetchError, match="cannot be written: No space left on device"):
        bring(server, tmp_path, targets(*(f"g{number}" for number in range(50))))
    assert len(server.asked) < 80


def _no_space(part, target):
    raise OSError(28, "No space left on device", str(target))


def test_folder_with_braces(server, tmp_path):
    with pytest.raises(FetchError, match="braces"):
        bring(server, tmp_path / "{name}", targets("a"))


def test_a_second_call_continues_after_ctrl_c(server, tmp_path):
    server.default = [answer(STAMP)]
    waiting, free = threading.Event(), threading.Event()

    def slow(handler):
        waiting.set()
        free.wait(10)

    server.on("/g3/I", slow)
    objects = targets(*(f"g{number}" for number in range(6)))

    def progress(summary):
        if waiting.is_set() and not summary.interrupted:
            raise KeyboardInterrupt

    begin = time.monotonic()
    summary = bring(server, tmp_path, objects, ("I",), workers=2, progress=progress)
    assert summary.interrupted
    assert time.monotonic() - begin < 6
    free.set()
    assert 0 < sum(summary.counts.values()) < 6
    assert len(manifest(tmp_path)) == sum(summary.counts.values())
    server.on("/g3/I", answer(STAMP))
    assert bring(server, tmp_path, objects, ("I",)).counts.total() == 6
    assert {entry.status for entry in manifest(tmp_path).values()} <= {"present", "fetched"}


def test_a_second_call_continues_after_a_kill(server, tmp_path):
    """Every file with its final name is complete, and so is every line of the manifest."""
    server.default = [_after(0.01, answer(STAMP))]
    code = (
        "import sys; sys.path[:0] = sys.argv[3:]; from pathlib import Path\n"
        "from test_fetch_stamps import bring, targets\n"
        "bring(None, Path(sys.argv[2]), targets(*(f'g{n}' for n in range(100))), url=sys.argv[1])"
    )
    here = Path(__file__).parent
    imported = map(str, (here, here.parent / "support", here.parent.parent))
    command = [sys.executable, "-c", code, server.url, str(tmp_path), *imported]
    process = subprocess.Popen(command)
    try:
        deadline = time.monotonic() + 30
        while len(server.asked) < 40 and time.monotonic() < deadline:
            time.sleep(0.01)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    lines = (tmp_path / "manifest.csv").read_text().splitlines()
    listed = manifest(tmp_path)
    assert len(listed) == len(lines) - 1 >= 20
    files = list(tmp_path.rglob("*.fits"))
    assert all(path.read_bytes() == STAMP for path in files)
    assert len(listed) <= len(files) < 200
    server.default = [answer(STAMP)]
    summary = bring(server, tmp_path, targets(*(f"g{number}" for number in range(100))))
    assert summary.counts == {"present": len(files), "fetched": 200 - len(files)}
    assert not list(tmp_path.rglob("*.part*"))


def _after(seconds, send):
    def wait(handler):
        time.sleep(seconds)
        send(handler)

    return wait
