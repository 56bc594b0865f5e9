"""`galmorph classify` as its users call it."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import yaml
from astropy.io import fits
from astropy.table import Table
from served import galaxies, publish
from whole_runs import COMMAND

COUNT = 40


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, stamps and a table."""
    folder = tmp_path_factory.mktemp("survey [1]")
    publish(folder / "models" / "2", seed=2)
    (folder / "stamps").mkdir()
    for number, planes in enumerate(galaxies(COUNT, seed=3)):
        for place, band in enumerate("IRG"):
            fits.writeto(folder / "stamps" / f"g{number:02d}_{band}.fits", planes[..., place])
    rows = [f"g{number:02d},{number / 10},{-number / 20},{15 + number / 10}" for number in range(COUNT)]
    (folder / "objects.csv").write_text(
        "name,ra,dec,mag\n" + "\n".join([*rows, "lost,1,2,3", rows[0]]) + "\n"
    )
    return folder


def galmorph(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([COMMAND, *map(str, arguments)], capture_output=True, text=True, cwd=cwd)


@pytest.fixture
def here(place, galmorph_here):
    """The command, in this process."""
    return partial(galmorph_here, "classify", cwd=place)


@pytest.fixture
def refused(here):
    """The message of a command that ends with status 2."""

    def run(*arguments: str) -> str:
        done = here(*arguments)
        assert done.returncode == 2, done.stdout
        return done.stderr

    return run


def test_float32_is_used_where_bfloat16_disagrees(place, here, refused, tmp_path, monkeypatch):
    pytest.importorskip("openvino", reason="the extra galmorph[openvino] is not installed")
    from catalog import prepare
    from catalog.backends import openvino_network

    honest = prepare._timed

    def timed(spec, *rest):
        answer, seconds = honest(replace(spec, precision="float32"), *rest)
        if (spec.backend, spec.precision) == ("openvino", "bfloat16"):
            answer = replace(answer, p_elliptical=answer.p_elliptical * np.float32(0.9))
        return answer, seconds

    monkeypatch.setattr(openvino_network, "fastest_precision", lambda: "bfloat16")
    monkeypatch.setattr(prepare, "_timed", timed)
    given = (
        "models",
        "--stamps",
        "stamps/{name}_{band}.fits",
        "--table",
        "objects.csv",
        "--backend",
        "openvino",
    )
    done = here(*given, "--out", tmp_path / "out")
    assert done.returncode == 0
    said = " ".join(done.stdout.split())
    assert "does not agree with TensorFlow" in said and "; float32 is used backend OpenVINO" in said
    lineage = json.loads((tmp_path / "out" / "lineage.json").read_text())
    assert lineage["run"]["settings"]["backend"]["precision"] == "float32"
    message = refused(*given, "--out", tmp_path / "other", "--precision", "bfloat16")
    assert "bfloat16" in message and "does not agree with TensorFlow" in message
    assert message.endswith("; --precision float32 or --backend tensorflow\n") and message.count("\n") == 1


def test_one_command_turns_stamps_into_a_catalogue(place, here, refused, tmp_path):
    stamps, out = "stamps/{name}_{band}.fits", tmp_path / "out"
    given = ("models", "--stamps", stamps, "--table", "objects.csv", "--out", out)
    done = galmorph("classify", *given, "--format", "fits", "--columns", "entropy", cwd=place)
    assert (done.returncode, done.stderr) == (0, "")
    assert "42: 41 classified, 1 reject (1 missing_file)" in done.stdout
    table = Table.read(out / "catalogue.fits")
    assert list(table["row"]) == [*range(1, COUNT + 1), COUNT + 2]
    assert list(table["name"][[0, -1]]) == ["g00", "g00"]
    p = np.asarray(table["p_elliptical"], float)
    np.testing.assert_allclose(table["entropy"], -p * np.log2(p) - (1 - p) * np.log2(1 - p), atol=1e-4)
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["rows"], summary["classified"], summary["rejects"]) == (42, 41, 1)
    assert summary["seconds"] > 0 and sum(summary["classes"].values()) == 41
    rejects = Table.read(out / "rejects.csv")
    assert [rejects["name"][0], rejects["reason"][0], rejects["row"][0]] == [
        "lost",
        "missing_file",
        COUNT + 1,
    ]
    assert {path.name for path in out.iterdir()} >= {"_SUCCESS", "README.md", "index.html", "lineage.json"}
    assert not (out / ".work").exists()
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=out, check=True)

    again = refused(*given)
    assert "--overwrite" in again and again.count("\n") == 1
    page = (out / "index.html").read_text()
    assert page.count("data:image/png") >= 3
    cited = "--title", "Morphology of three fields", "--author", "Ana Souza", "--author", "Jörg Weiß"
    elsewhere = "--work", tmp_path / "work"
    replaced = here(*given, "--overwrite", "--format", "csv", *cited, *elsewhere)
    assert replaced.returncode == 0
    assert (out / "catalogue.csv").exists() and not (out / "catalogue.fits").exists()
    citation = yaml.safe_load((out / "CITATION.cff").read_text())
    assert citation["title"] == "Morphology of three fields"
    assert [author["name"] for author in citation["authors"]] == ["Ana Souza", "Jörg Weiß"]
    assert not (out / ".work").exists() and not list((tmp_path / "work").iterdir())


def test_predict_and_classify_agree(place, here, galmorph_here, tmp_path):
    here("models", "--stamps", "stamps", "--out", tmp_path / "out", "--format", "csv")
    galmorph_here("predict", "models", "--stamps", "stamps", "--out", tmp_path / "predicted.csv", cwd=place)
    one, other = Table.read(tmp_path / "out/catalogue.csv"), Table.read(tmp_path / "predicted.csv")
    assert list(one["name"]) == list(other["name"])
    np.testing.assert_allclose(one["p_elliptical"], other["p_elliptical"], atol=1e-6)
    assert list(one["morphology"]) == list(other["morphology"])


def test_a_table_of_paths(place, here, tmp_path):
    names = [f"g{number:02d}" for number in range(3)]
    lines = [f"{name}," + ",".join(f"stamps/{name}_{band}.fits" for band in "IRG") for name in names]
    (place / "paths.csv").write_text("name,path_I,path_r,stamp_G\n" + "\n".join([*lines, "x,,,"]) + "\n")
    out = tmp_path / "out"
    done = here("models", "--stamps", "paths.csv", "--out", out, "--format", "csv")
    assert done.returncode == 0, done.stderr
    assert list(Table.read(out / "catalogue.csv")["name"]) == names
    assert list(Table.read(out / "rejects.csv")["reason"]) == ["missing_file"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nothing", "--stamps", "stamps"), "nothing does not exist"),
        (("models",), "--stamps, or --fields"),
        (("models", "--stamps", "nowhere"), "nowhere: does not exist"),
        (("models", "--stamps", "stamps", "--sources", "x"), "--sources is for --fields"),
        (("models", "--stamps", "stamps", "--part", "3/2"), "--part '3/2'"),
        (("models", "--stamps", "stamps", "--part", "1/2", "--overwrite"), "--part goes with"),
        (("models", "--stamps", "stamps", "--resume", "--merge"), "exclude each other"),
        (("models", "--stamps", "stamps", "--merge"), "holds no parts"),
        (("models", "--stamps", "stamps", "--columns", "size"), "'size' is not one of"),
        (("models", "--stamps", "stamps", "--format", "hats"), "no object has one"),
        (("models", "--stamps", "stamps", "--work", "http://host/x"), "--work http://host/x: http://"),
        (("models", "--stamps", "stamps", "--work", "objects.csv"), "--work "),
        (("models", "--stamps", "stamps", "--work", ""), "--work is empty"),
        (("models", "--stamps", "stamps", "--author", " "), "--author ' ' is empty"),
        (("models", "--stamps", "stamps", "--title", "caf\udce9"), "no text in UTF-8"),
        (("models", "--stamps", "stamps", "--table", "none.csv"), "none.csv"),
        (("models", "--stamps", "stamps", "--cube-bands", "I,I"), "twice"),
        (("models", "--stamps", "objects.csv"), "has no column for I, such as path_i, stamp_i, file_i"),
    ],
)
def test_what_cannot_be_used_is_one_line(refused, tmp_path, arguments, words):
    errors = refused(*arguments, "--out", str(tmp_path / "out"))
    assert words in errors and errors.count("\n") == 1
    assert not (tmp_path / "out").exists() or not any((tmp_path / "out").iterdir())


def test_a_path_that_leads_to_files_of_the_user_by_a_folder_that_is_not_there_is_refused(refused, tmp_path):
    (tmp_path / "README.md").write_text("mine")
    assert "no catalogue" in refused("models", "--stamps", "stamps", "--out", str(tmp_path / "new" / ".."))
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]


def test_a_folder_below_a_file_is_one_line_that_says_so(refused):
    errors = refused("models", "--stamps", "stamps", "--out", "objects.csv/new")
    assert "lies below one" in errors


def test_the_command_does_not_load_tfx():
    code = "import sys, pipeline.classification; sys.exit('tfx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2]).returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_killed_run_is_resumed_and_gives_the_same(place, here, refused, tmp_path, how):
    """Killed as soon as the first chunk is there."""
    many = place / "many.csv"
    rows = [f"g{number % COUNT:02d},{number}" for number in range(2600)]
    many.write_text("name,ra\n" + "\n".join(rows) + "\n")
    given = ["models", "--stamps", "stamps/{name}_{band}.fits", "--table", "many.csv"]
    whole = here(*given, "--out", tmp_path / "whole", "--format", "csv")
    assert whole.returncode == 0, whole.stderr
    out = tmp_path / "out"
    process = subprocess.Popen(
        [COMMAND, "classify", *given, "--out", str(out), "--format", "csv"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=place,
    )  # fmt: skip
    chunks = out / ".work" / "chunks"
    until = time.monotonic() + 120
    while not (chunks.is_dir() and os.listdir(chunks)) and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(how)
    _, errors = process.communicate(timeout=60)
    there = len([name for name in os.listdir(chunks) if name.endswith(".parquet")])
    assert 0 < there < 3
    assert not (out / "_SUCCESS").exists() and not (out / "catalogue.csv").exists()
    if how == signal.SIGINT:
        assert process.returncode == 130
        assert errors.count("\n") == 1 and "--resume" in errors
    assert "--resume" in refused(*given, "--out", out, "--format", "csv")
    resumed = here(*given, "--out", out, "--format", "csv", "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert (out / "catalogue.csv").read_bytes() == (tmp_path / "whole" / "catalogue.csv").read_bytes()
