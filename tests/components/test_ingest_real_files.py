"""The ingest on what astronomers really have: awkward files, cubes, names that only positions connect."""

import os
import shutil
import socket
from pathlib import Path

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from astropy.io import fits

from components.fits_example_gen.ingest import Ingested, ingest
from preprocessing.data_settings import DataSettings, SplitSettings
from preprocessing.rejects import REASONS
from preprocessing.rows.division import stamp_reader

OPTIONS = PipelineOptions(["--runner=DirectRunner", "--direct_running_mode=in_memory"])
GOOD = 20


def run(data: DataSettings, bands: tuple[str, ...], side: int, out: Path) -> Ingested:
    (out / "scratch").mkdir(parents=True)
    return ingest(
        data,
        SplitSettings(),
        stamp_reader(data, bands, side),
        lambda: beam.Pipeline(options=OPTIONS),
        lambda split: str(out / f"Split-{split}"),
        str(out / "scratch"),
    )


def labels(path: Path, names: list[str], **columns: list) -> str:
    header = ",".join(["name", "label", *columns])
    rows = zip(names, *columns.values(), strict=True)
    kinds = ("spiral", "elliptical")
    lines = [
        ",".join(map(str, (name, kinds[number % 2], *others))) for number, (name, *others) in enumerate(rows)
    ]
    path.write_text("\n".join([header, *lines]) + "\n")
    return str(path)


def test_any_file_whatever_ends_as_example_or_reject(tmp_path, real_data):
    folder = tmp_path / "stamps"
    folder.mkdir()
    noise = np.random.default_rng(0)
    names = [f"good{number}" for number in range(GOOD)]
    for name in names:
        fits.PrimaryHDU(noise.normal(size=(16, 16)).astype("f4")).writeto(folder / f"{name}_R.fits")
    for path in sorted((real_data / "fits-corpus").iterdir()):
        names.append(path.name.split(".")[0])
        shutil.copyfile(path, folder / f"{names[-1]}_R.fits")
    (folder / "text_R.fits").write_text("<html>Too many requests</html>")
    (folder / "empty_R.fits").touch()
    (folder / "folder_R.fits").mkdir()
    (folder / "link_R.fits").symlink_to(folder / "nowhere")
    with open(folder / "sparse_R.fits", "wb") as sparse:
        sparse.truncate(4 * 2**30)
    os.mkfifo(folder / "pipe_R.fits")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(folder / "socket_R.fits"))
    odd = ["text", "empty", "folder", "link", "sparse", "pipe", "socket", "../../etc/passwd", "/etc/passwd"]
    odd += ["$(touch pwned)", "a;b|c", "x" * 400, "absent"]
    names += odd
    data = DataSettings(labels=labels(tmp_path / "l.csv", names), stamps=str(folder / "{name}_{band}.fits"))
    division = run(data, ("R",), 16, tmp_path / "out").division
    assert division.rows == len(names) == len(division.kept) + len(division.rejects)
    reasons = {reject.name: reject.reason for reject in division.rejects}
    assert set(reasons.values()) <= REASONS.keys()
    assert all(reject.message for reject in division.rejects)
    assert set(odd) <= reasons.keys() and not any(name.startswith("good") for name in reasons)
    assert {name for name in reasons if name not in odd} == {
        "decals_cube_3band",
        "decals_truncated",
        "gzip_compressed",  # ten by ten pixels
        "sdss_zero_length_axis_r",
    }
    assert not (tmp_path / "pwned").exists() and not Path("pwned").exists()


def test_cubes(tmp_path):
    names = [f"SPLUS.STRIPE82-{number:04d}.griz" for number in range(GOOD)]
    for number, name in enumerate(names):
        planes = 3 if number else 4
        cube = np.random.default_rng(number).normal(size=(planes, 18, 20)).astype("f4")
        fits.PrimaryHDU(cube).writeto(tmp_path / f"{name}.fits")
    data = DataSettings(
        labels=labels(tmp_path / "l.csv", names),
        stamps=str(tmp_path / "{name}.fits"),
        cube_bands=("G", "R", "I"),
    )
    division = run(data, ("I", "R", "G"), 16, tmp_path / "out").division
    assert len(division.kept) == GOOD - 1
    assert [(reject.name, reject.reason) for reject in division.rejects] == [(names[0], "wrong_planes")]


def test_labels_and_stamps_that_only_positions_connect(tmp_path, write_stamp):
    names = [f"58772272298{number:07d}" for number in range(GOOD)]
    ra = [10 + number / 100 for number in range(GOOD)]
    dec = [-0.5] * GOOD
    table = labels(tmp_path / "l.csv", names, ra=ra, dec=dec)
    lines = ["ID,RA,DEC"]
    for number in range(GOOD):
        stamp = f"SPLUS.s-{number}.griz"
        write_stamp(stamp, "R", np.random.default_rng(number).normal(size=(16, 16)))
        place = ra[number] + (0.3 / 3600 if number else 5 / 3600)  # the first has none within an arcsecond
        lines.append(f"{stamp},{place},-0.5")
    (tmp_path / "p.csv").write_text("\n".join([*lines, f"SPLUS.rival.griz,{ra[1]},-0.5"]) + "\n")
    data = DataSettings(
        labels=table,
        positions=str(tmp_path / "p.csv"),
        stamps=str(tmp_path / "{band}_stamps" / "{name}_{band}.fits"),
    )
    result = run(data, ("R",), 16, tmp_path / "out")
    reasons = {reject.name: reject.reason for reject in result.division.rejects}
    assert reasons == {names[0]: "unmatched", names[1]: "ambiguous_match"}
    assert {entry.name for entry in result.division.kept} == {f"SPLUS.s-{n}.griz" for n in range(2, GOOD)}
    assert [match.label_name for match in result.table.matches] == names[2:]
    assert result.table.matches[0].separation == pytest.approx(0.3, rel=1e-3)
