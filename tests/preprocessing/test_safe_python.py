"""No galmorph process imports modules from the user's working folder."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hostile_folder import hostile
from whole_runs import COMMAND

from preprocessing import safe_python
from preprocessing.fits.files import StampError
from preprocessing.fits.isolated import IsolatedReader
from preprocessing.processes import run_in_processes
from preprocessing.safe_python import module_command, safe_environment
from trainer.weights.check import file_problem

PROJECT = Path(safe_python.__file__).resolve().parent.parent


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """The working folder, full of files that must not be imported."""
    folder = hostile(tmp_path / "here", "pipeline")
    monkeypatch.chdir(folder)
    for name in ("PYTHONSAFEPATH", "PYTHONPATH"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture(params=[None, "", "."])
def entry(request, folder, monkeypatch) -> None:
    """PYTHONPATH that leads to the working folder, as ``PYTHONPATH=$PYTHONPATH:elsewhere`` may."""
    if request.param is not None:
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join((request.param, str(folder.parent))))


def run(*command: object, **changes: str) -> subprocess.CompletedProcess[str]:
    words = list(map(str, command))
    return subprocess.run(words, capture_output=True, text=True, timeout=300, env={**os.environ, **changes})


def test_such_a_folder_breaks_python_otherwise(folder):
    assert "was imported" in run(sys.executable, "-c", "import random").stderr
    assert "was imported" in run(sys.executable, "-m", "preprocessing.fits.isolated").stderr


def test_the_process_that_reads_unusual_stamps(folder, entry):
    image = np.arange(64, dtype="i2").reshape(8, 8)
    fits.CompImageHDU(image, compression_type="HCOMPRESS_1").writeto("stamp.fits")
    reader = IsolatedReader()
    found, _ = reader.read(Path("stamp.fits").read_bytes(), 1, "stamp.fits")
    assert np.array_equal(np.squeeze(found), image)
    with pytest.raises(StampError, match="not readable as FITS"):
        reader.read(b"SIMPLE", 1, "stamp.fits")


def test_the_process_that_looks_into_weights(folder, entry):
    Path("weights.h5").write_bytes(b"nothing")
    assert "weights.h5 " in (file_problem(Path("weights.h5"), "EfficientNetB0") or "")


def places(_: int) -> tuple[list[str], str]:
    import logging
    import queue
    import random

    import report
    import trainer

    files = [module.__file__ for module in (logging, queue, random, report, trainer)]
    return files, os.environ["PYTHONSAFEPATH"]


def test_workers_of_the_simulation_and_the_inspection(folder, entry):
    before = dict(os.environ)
    for files, safe in run_in_processes(places, [1, 2], workers=2):
        assert safe == "1" and not any(Path(file).is_relative_to(folder) for file in files)
    assert dict(os.environ) == before


def test_the_process_that_makes_pictures(folder):
    from preprocessing.settings import ImageSettings
    from report.inspection.renderer import Renderer

    with Renderer() as render:
        (picture,) = render(np.ones((1, 16, 16, 3), "f4"), ImageSettings(cut=16, size=16))
    assert picture.startswith(b"\x89PNG")


def test_the_console_script(folder):
    result = run(COMMAND, "simulate", "survey", "--galaxies", 90, "--size", 32)
    assert result.returncode == 0, result.stderr
    assert len(list(Path("survey/R_stamps").iterdir())) > 80


def test_the_command_line_as_a_module(folder):
    Path("pipeline.py").unlink()
    result = run(sys.executable, "-m", "pipeline.cli", "simulate", "survey", "--galaxies", 90, "--size", 32)
    assert result.returncode == 0, result.stderr
    hostile(folder, "pipeline")
    result = run(sys.executable, "-P", "-m", "pipeline.cli", "--help")
    assert result.returncode == 0, result.stderr


def test_a_library_call_from_a_script_that_lies_elsewhere(folder, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from pathlib import Path\n"
        "from simulation.survey import simulate_survey\n"
        "if __name__ == '__main__':\n"
        "    simulate_survey(Path('survey'), 90, size=32, bands=['R'], workers=2)\n"
    )
    result = run(sys.executable, script)
    assert result.returncode == 0, result.stderr


def test_our_packages_come_after_the_standard_library_and_win_over_installed_ones(folder):
    # The program is found through PYTHONPATH, as modules of the user's are that do not lie in the folder.
    program = folder.parent / "scripts/show.py"
    program.parent.mkdir()
    program.write_text("import sys, preprocessing\nprint(preprocessing.__file__, *sys.path, sep='\\n')\n")
    environment = safe_environment() | {"PYTHONPATH": str(program.parent)}
    ours, *path = run(*module_command("show"), **environment).stdout.splitlines()
    assert Path(ours) == PROJECT / "preprocessing/__init__.py"
    assert path.index(str(PROJECT)) > path.index(os.path.dirname(os.__file__))
    assert str(folder) not in path and "" not in path


@pytest.mark.slow
def test_workers_of_beam(tmp_path, monkeypatch):
    folder = hostile(tmp_path / "here", "pipeline")
    monkeypatch.chdir(folder)
    script = folder.parent / "beam_workers.py"
    script.write_text(
        "import apache_beam as beam\n"
        "from apache_beam.options.pipeline_options import PipelineOptions\n"
        "options = ['--runner=DirectRunner', '--direct_running_mode=multi_processing']\n"
        "options += ['--direct_num_workers=2']\n"
        "def module_file(_):\n"
        "    import random, preprocessing.bands\n"
        "    return f'{random.__file__} {preprocessing.bands.__file__}'\n"
        "if __name__ == '__main__':\n"
        "    with beam.Pipeline(options=PipelineOptions(options)) as pipeline:\n"
        "        lines = pipeline | beam.Create([1, 2, 3]) | beam.Map(module_file)\n"
        "        lines | beam.io.WriteToText('found')\n"
    )
    result = run(sys.executable, script, **safe_environment())
    assert result.returncode == 0, result.stderr[-2000:]
    lines = [line for path in folder.glob("found*") for line in path.read_text().splitlines()]
    assert len(lines) == 3 and not any(str(folder) in line for line in lines)
    assert all(str(PROJECT / "preprocessing") in line for line in lines)
