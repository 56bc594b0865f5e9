"""A catalogue from field images, end to end."""

import json
import subprocess

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS
from catalog_runs import Run
from field_survey import header, write_image, write_table
from served import IMAGE, galaxies
from whole_runs import COMMAND

from catalog.classifier import ModelSpec, published_model
from catalog.fields.input import fields_input
from catalog.output.about import about_model
from catalog.place import Settings
from catalog.session import classified, rejected, run_classification
from catalog.stamps import stamps_input
from evaluation.formats.catalogue import Flag
from serving.predict.description import Description

SIDE, COUNT = 400, 14


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two fields that overlap, with galaxies; the same galaxies as stamps of the cut; the tables."""
    folder = tmp_path_factory.mktemp("fields")
    random = np.random.default_rng(5)
    stamps = galaxies(COUNT, seed=7)
    side = stamps.shape[1]
    x, y = random.uniform(50, SIDE - 50, (2, COUNT))
    cards = header(150, 2, (SIDE, SIDE))
    sources = []
    for number, (a, d) in enumerate(WCS(cards).all_pix2world(np.column_stack([x, y]), 0)):
        sources.append({"name": f"g{number}", "ra": a, "dec": d})
    rows = []
    for place, band in enumerate("IRG"):
        image = random.normal(0, 0.1, (SIDE, SIDE)).astype("f4")
        for number in range(COUNT):
            top, left = int(y[number]) - side // 2, int(x[number]) - side // 2
            image[top : top + side, left : left + side] += stamps[number, :, :, place]
        write_image(folder / f"field_{band}.fits", image, cards, "")
        rows.append({"field": "F1", "band": band, "path": f"field_{band}.fits"})
        half = IMAGE.cut // 2
        for number in range(COUNT):
            top, left = int(np.floor(y[number] + 0.5)) - half, int(np.floor(x[number] + 0.5)) - half
            part = image[top : top + IMAGE.cut, left : left + IMAGE.cut]
            fits.writeto(folder / f"g{number}_{band}.fits", part)
    write_table(folder / "fields.csv", rows)
    write_table(folder / "sources.csv", [*sources, {"name": "off", "ra": 10, "dec": 0}, sources[0]])
    return folder


def run(model, source, out, chunk_rows=4) -> tuple[list[dict], list[dict]]:
    """Return results and rejects."""
    found = published_model(model)
    known = about_model(found)
    made = Run(
        Settings(out, batch=2, chunk_rows=chunk_rows),
        source,
        ModelSpec(str(found.path), known.row_version),
        {"model": known.fingerprint},
    )
    plan = run_classification(made.settings, made.source, made.model, IMAGE.cut, made.subject).plan
    store = made.settings.work
    return tuple(
        [row for table in tables for row in table.to_pylist()]
        for tables in (classified(store, plan), rejected(store, plan))
    )


def test_probabilities_are_those_of_stamp_files(model, folder, tmp_path):
    description = Description.of(published_model(model).description, "galmorph.json")
    cut, rejects = run(
        model, fields_input(folder / "fields.csv", folder / "sources.csv", description), tmp_path / "a"
    )
    stamps, _ = run(
        model, stamps_input(f"{folder}/g{{name}}_{{band}}.fits", None, description), tmp_path / "b"
    )
    assert [(row["row"], row["name"], row["reason"]) for row in rejects] == [(COUNT, "off", "off_fields")]
    by_name = {f"g{row['name']}": row for row in stamps}
    assert sorted(row["row"] for row in cut) == [*range(COUNT), COUNT + 1]
    for row in cut:
        other = by_name[row["name"]]
        for name in ("p_elliptical", "p_spiral", "novelty"):
            assert row[name] == pytest.approx(other[name], abs=1e-6)
        assert (row["morphology"], row["flags"]) == (other["morphology"], other["flags"])
    assert len({row["p_elliptical"] for row in cut}) == COUNT


def test_the_command(model, folder, tmp_path):
    done = subprocess.run(
        [COMMAND, "classify", model, "--fields", folder / "fields.csv", "--sources", folder / "sources.csv",
         "--out", tmp_path / "out", "--format", "fits"],
        capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert (summary["rows"], summary["classified"], summary["rejects"]) == (COUNT + 2, COUNT + 1, 1)
    assert summary["reasons"] == {"off_fields": 1}
    (path,) = (tmp_path / "out").glob("*.fits")
    table = Table.read(path)
    assert len(table) == COUNT + 1
    assert not (table["flags"] & (Flag.EDGE | Flag.BLANK | Flag.SATURATED | Flag.STAMP_QUALITY)).any()
    assert np.isfinite(table["ra"]).all() and np.isfinite(table["dec"]).all()
    done = subprocess.run(
        [COMMAND, "classify", model, "--fields", folder / "fields.csv", "--out", tmp_path / "b"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "") and done.stderr.count("\n") == 1
    assert "--sources" in done.stderr
