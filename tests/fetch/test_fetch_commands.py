"""The command `galmorph fetch`."""

import gzip
import os
import signal
import subprocess
import sys
import time
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from local_server import answer, stamp_bytes

from fetch.known_tables import TABLES
from pipeline.cli import main

PROJECT = Path(__file__).resolve().parent.parent.parent
STAMP = stamp_bytes(200)


@pytest.fixture
def galmorph(monkeypatch, capsys):
    """Run the command line; return exit status, output and errors."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["galmorph", "fetch", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return ended.value.code, printed.out, printed.err

    return run


@pytest.fixture
def objects(tmp_path):
    path = tmp_path / "objects.csv"
    path.write_text("name,ra,dec,label\na,10,-1,spiral\nb,11,-1,elliptical\n")
    return path


def setting(output, key):
    """Read back the line that is to go into the configuration."""
    (line,) = [line for line in output.splitlines() if f"{key} = " in line]
    return tomllib.loads(line.partition("[data]")[2].strip() or line.strip())[key]


def test_table(galmorph, server, tmp_path, monkeypatch):
    url = server.on("/gz2_hart16.csv.gz", answer(gzip.compress(b"dr7objid,ra,dec\n1,2,3\n")))
    monkeypatch.setitem(TABLES, "gz2", replace(TABLES["gz2"], url=url))
    status, output, errors = galmorph("table", "gz2", "--out", tmp_path / 'odd "folder"')
    assert (status, errors) == (0, "")
    labels = Path(setting(output, "labels"))
    assert labels == tmp_path / 'odd "folder"' / "gz2_hart16.csv.gz"
    assert labels.is_file()
    assert "Hart et al. 2016, MNRAS 461, 3663" in output
    assert "SHA-256 matches" not in output and "tables.csv" in output
    status, output, _ = galmorph("table", "gz2", "--out", tmp_path / 'odd "folder"')
    assert status == 0
    assert "already there" in output and f"SHA-256 matches {tmp_path}" in output


def test_stamps(galmorph, server, objects, tmp_path):
    for path in ("/a/I", "/a/F660", "/b/I"):
        server.on(path, answer(STAMP))
    arguments = ("stamps", objects, "--bands", "i, j0660", "--out", tmp_path / "out", "--retries", "0")
    template = f"{server.url}/{{name}}/{{band}}?ra={{ra}}&dec={{dec}}&size={{size}}"
    status, output, errors = galmorph(*arguments, "--url-template", template)
    assert (status, errors) == (0, "")
    assert setting(output, "stamps") == f"{tmp_path}/out/{{band}}_stamps/{{name}}_{{band}}.fits"
    assert setting(output, "labels") == str(objects)
    lines = [line.split() for line in output.splitlines()]
    for line in (["requested", "4"], ["downloaded", "3"], ["already", "there", "0"], ["failed", "1"]):
        assert line in lines
    assert "1 x HTTP 404 Not Found" in output
    server.on("/b/F660", answer(STAMP))
    status, output, _ = galmorph(*arguments, "--url-template", template)
    assert ["already", "there", "3"] in [line.split() for line in output.splitlines()]
    assert ["downloaded", "1"] in [line.split() for line in output.splitlines()]


def test_presets_of_bands(galmorph, server, objects, tmp_path):
    server.default = [answer(STAMP)]
    template = f"{server.url}/{{name}}/{{band}}"
    assert (
        galmorph("stamps", objects, "--out", tmp_path, "--bands", "r660g", "--url-template", template)[0] == 0
    )
    assert sorted(path.name for path in tmp_path.glob("*_stamps")) == ["F660_stamps", "G_stamps", "R_stamps"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("table", "gz9"), "unknown table 'gz9'"),
        (("table", "https://host/"), "file name"),
        (("table", "gz2", "--sha256", "x"), "64 hexadecimal digits"),
        (("stamps", "none.csv", "--out", "."), "none.csv does not exist"),
        (("stamps", "OBJECTS", "--out", "."), "set SPLUS_USERNAME and SPLUS_PASSWORD in the environment"),
        (("stamps", "OBJECTS", "--out", ".", "--bands", "I,Q"), "--bands: unknown band 'Q'"),
        (("stamps", "OBJECTS", "--out", ".", "--bands", " "), "--bands"),
        (("stamps", "OBJECTS", "--out", ".", "--url-template", "file:///x"), "https://"),
    ],
)
def test_bad_input_is_one_line_and_status_2(galmorph, objects, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    for name in ("SPLUS_USERNAME", "SPLUS_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    status, output, errors = galmorph(*(objects if part == "OBJECTS" else part for part in arguments))
    assert status == 2
    assert output == ""
    assert errors.startswith("galmorph: ")
    assert errors.count("\n") == 1
    assert message in errors
    assert sorted(path.name for path in tmp_path.iterdir()) == ["objects.csv"]


def test_no_network_is_status_2(galmorph, nowhere, objects, tmp_path):
    template = f"{nowhere}/{{name}}/{{band}}"
    status, _, errors = galmorph(
        "stamps", objects, "--out", tmp_path, "--url-template", template, "--retries", 0
    )
    assert status == 2
    assert errors.startswith("galmorph: gave up on 127.0.0.1: 127.0.0.1 cannot be reached")
    status, _, errors = galmorph("table", f"{nowhere}/table.csv", "--out", tmp_path, "--retries", 0)
    assert status == 2
    assert errors.startswith("galmorph: table.csv ")
    assert errors.endswith(": 127.0.0.1 cannot be reached: Connection refused\n")


@pytest.mark.parametrize("what", ["stamps", "table"])
def test_ctrl_c(server, tmp_path, what):
    begun = time.monotonic()

    def slowly(handler):
        time.sleep(0.2)
        answer(STAMP)(handler)

    def trickle(handler):
        handler.send_response(200)
        handler.send_header("ETag", '"1"')
        handler.end_headers()
        try:
            while time.monotonic() < begun + 30:
                handler.wfile.write(b"x" * 65536)
                time.sleep(0.05)
        except OSError:
            pass

    server.default = [slowly if what == "stamps" else trickle]
    table = tmp_path / "objects.csv"
    table.write_text("name,ra,dec\n" + "".join(f"g{number},1,1\n" for number in range(500)))
    arguments = {
        "stamps": ["stamps", str(table), "--url-template", f"{server.url}/{{name}}/{{band}}"],
        "table": ["table", f"{server.url}/table.csv"],
    }[what]
    command = [sys.executable, "-m", "pipeline.cli", "fetch", *arguments, "--out", str(tmp_path / "out")]
    process = subprocess.Popen(
        command,
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
    )
    while len(server.asked) < (10 if what == "stamps" else 1) and time.monotonic() < begun + 20:
        time.sleep(0.02)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=20)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert "interrupted" in output
    if what == "stamps":
        lines = (tmp_path / "out" / "manifest.csv").read_text().splitlines()
        assert len(lines) - 1 == len(list(tmp_path.rglob("*.fits"))) >= 5
    else:
        assert (tmp_path / "out" / "table.csv.part").stat().st_size > 0


def test_help_names_every_table(galmorph):
    status, output, _ = galmorph("table", "--help")
    assert status == 0
    assert all(name in output for name in TABLES)
