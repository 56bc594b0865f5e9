"""The label table of the SDSS example."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest
from astropy.coordinates import SkyCoord

SCRIPT = Path(__file__).resolve().parent.parent.parent / "scripts/sdss_labels.py"
HEADING = "Name;Type;RA;Dec;Const;MajAx;MinAx;Hubble;Common names\n"


def run(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    (folder / "NGC.csv").write_text(text, encoding="utf-8")
    command = [sys.executable, SCRIPT, folder / "NGC.csv", folder / "labels.csv"]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True)


def labels(folder: Path) -> dict[str, dict[str, str]]:
    with open(folder / "labels.csv", newline="") as table:
        return {row["name"]: row for row in csv.DictReader(table)}


def test_galaxies_with_a_type_in_the_footprint_are_chosen(tmp_path):
    rows = (
        "NGC4472;G;12:29:46.76;+08:00:01.7;Vir;9.82;8.34;E;\n"
        "NGC4501;G;12:31:59.16;+14:25:13.5;Com;0.20;0.10;Sb;\n"
        "NGC4382;G;12:25:24.05;+18:11:29.4;Com;7.00;5.00;S0-a;\n"
        "NGC4594;G;12:39:59.43;-11:37:23.1;Vir;8.45;4.90;Sa;south of the footprint\n"
        "NGC0224;G;00:42:44.35;+41:16:08.6;And;177.83;69.66;Sb;west of it\n"
        "NGC4000;GPair;11:57:57.00;+25:08:39.0;Leo;1.00;0.50;Sb;a pair\n"
        "NGC4001;G;11:58:06.78;+47:20:05.4;UMa;0.70;0.50;;no type\n"
        "NGC4002;G;11:57:59.30;+23:12:07.0;Leo;;;Sab;no size\n"
        "IC0011;Dup;12:52:59.35;+56:37:18.8;Cas;;;;\n"
    )
    result = run(tmp_path, HEADING + rows)
    assert result.returncode == 0, result.stderr
    found = labels(tmp_path)
    assert {name: row["label"] for name, row in found.items()} == {
        "NGC4472": "elliptical",
        "NGC4501": "spiral",
        "NGC4382": "uncertain",
    }
    assert found["NGC4472"] == {
        "name": "NGC4472",
        "ra": "187.44483",
        "dec": "8.00047",
        "hubble_type": "E",
        "label": "elliptical",
        "scale": "6.905",
    }
    assert found["NGC4501"]["scale"] == "0.396"


@pytest.mark.parametrize("text", ["", "name,ra\na,1\n", HEADING, HEADING + "NGC1;G;x;y;;1;1;E;\n"])
def test_another_file_is_refused_in_one_line(tmp_path, text):
    result = run(tmp_path, text)
    assert result.returncode == 1 and result.stderr.count("\n") == 1 and "NGC.csv" in result.stderr


def test_the_real_set_gets_its_labels_again(real_data, tmp_path):
    """Positions and types of 2,653 galaxies, written as OpenNGC writes them."""
    with open(real_data / "sdss-hubble/labels.csv", newline="") as table:
        known = {row["name"]: row for row in csv.DictReader(table)}
    text = HEADING
    for name, row in known.items():
        position = SkyCoord(float(row["ra"]), float(row["dec"]), unit="deg")
        ra, dec = position.to_string("hmsdms", sep=":", precision=2).split()
        text += f"{name};G;{ra};{dec};;1.0;0.5;{row['hubble_type']};\n"
    assert run(tmp_path, text).returncode == 0
    found = labels(tmp_path)
    assert found.keys() == known.keys()
    for name, row in known.items():
        assert found[name]["label"] == row["label"], name
        assert abs(float(found[name]["dec"]) - float(row["dec"])) < 1e-5
