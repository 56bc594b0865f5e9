"""The wheel, installed into an empty environment: all that a run needs is in it."""

import csv
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from whole_runs import CONFIG

PROJECT = Path(__file__).resolve().parent.parent
QUICK = {
    "train.epochs": 1,
    "train.fine_tune_epochs": 1,
    "cross_validation.phases": "none",
    "gate.min_galaxies": 1,
}

pytestmark = pytest.mark.slow


def run(*command: object, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    words = list(map(str, command))
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=1500)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built in a copy: setuptools leaves its traces in the source."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("the project is no git checkout")
    for name in filter(None, listed.stdout.split("\0")):
        if (PROJECT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(PROJECT / name, source / name)
    code = f"from setuptools.build_meta import build_wheel; build_wheel({str(out)!r})"
    built = run(sys.executable, "-c", code, folder=source)
    assert built.returncode == 0, built.stderr
    (path,) = out.glob("galmorph-*.whl")
    return path


@pytest.fixture(scope="module")
def galmorph(wheel, tmp_path_factory) -> Path:
    """The command in an environment that has the wheel; libraries are those of this one, nothing of ours."""
    folder = tmp_path_factory.mktemp("environment")
    assert run(sys.executable, "-m", "venv", "--without-pip", folder / "env", folder=folder).returncode == 0
    python = folder / "env/bin/python"
    command = ("uv", "pip", "install", "--offline", "--no-deps", "--python", python, wheel)
    installed = run(sys.executable, "-m", *command, folder=folder)
    assert installed.returncode == 0, installed.stderr
    (site,) = (folder / "env/lib").glob("python*/site-packages")
    # A line of a .pth file adds a folder, but not what the .pth files in it add: the editable install.
    (site / "libraries.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return folder / "env/bin/galmorph"


def test_every_template_and_configuration_is_in_it(wheel):
    there = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        path.relative_to(PROJECT).as_posix()
        for pattern in ("report/*/templates/**/*", "configs/*.toml")
        for path in PROJECT.glob(pattern)
        if path.is_file()
    }
    assert len(wanted) > 20 and wanted <= there
    assert not [name for name in there if name.startswith(("tests", "benchmarks", "docs"))]


def test_a_run_from_the_wheel(galmorph, tmp_path):
    help_ = run(galmorph, "--help", folder=tmp_path)
    assert help_.returncode == 0 and "simulate" in help_.stdout
    survey = ("--galaxies", 120, "--seed", 5, "--size", 96)
    assert run(galmorph, "simulate", "survey", *survey, folder=tmp_path).returncode == 0
    (tmp_path / "galmorph.toml").write_text(CONFIG)
    overrides = [word for key, value in QUICK.items() for word in ("--set", f"{key}={value}")]
    result = run(galmorph, "run", "galmorph.toml", *overrides, folder=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    with open(tmp_path / "run/report/predictions.csv", newline="") as table:
        rows = list(csv.DictReader(table))
    ingest = json.loads((tmp_path / "run/report/ingest.json").read_text())
    assert len(rows) == ingest["examples"] > 100
    assert (tmp_path / "run/report/index.html").is_file() and (tmp_path / "models/1/saved_model.pb").is_file()
    log = next((tmp_path / "run/logs").iterdir()).read_text()
    assert str(PROJECT) not in log.replace(str(Path(sysconfig.get_paths()["purelib"])), "")
