"""Fixtures: the wheel of the project, and the command of an environment that has nothing else of ours."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]


def run(*command: object, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    words = list(map(str, command))
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=1500)


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def installed_galmorph(wheel, tmp_path_factory) -> Path:
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
