"""The command line stays light (the layers of the imports are checked by `make lint`)."""

import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent


def loaded_by(statement: str) -> set[str]:
    """Top-level modules that a statement loads in a fresh interpreter."""
    code = f"import sys; {statement}; print(*{{name.split('.')[0] for name in sys.modules}})"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PROJECT
    )
    return set(result.stdout.split())


@pytest.mark.parametrize(
    ("statement", "heavy"),
    [
        (
            "import pipeline.cli",
            {"numpy", "astropy", "pydantic", "requests", "tensorflow", "keras", "tfx", "galsim"},
        ),
        ("import fetch.stamps, fetch.tables, fetch.splus", {"splusdata", "tensorflow", "keras", "tfx"}),
        (
            "import report.inspection.look, report.inspection.terminal",
            {"tensorflow", "keras", "tfx", "apache_beam"},
        ),
        (
            "import report.run.build, report.run.choice",
            {"tensorflow", "keras", "tfx", "apache_beam", "astropy"},
        ),
        (
            "import pipeline.run, simulation.survey",
            {"tensorflow", "keras", "tfx", "apache_beam", "galsim", "matplotlib", "sklearn"},
        ),
        (
            "import pipeline.sweep.run, pipeline.pretrain",
            {"tensorflow", "keras", "tfx", "apache_beam"},
        ),
        ("import fetch.weights, trainer.weights.preflight", {"tensorflow", "keras", "tfx", "h5py"}),
        (
            "import pipeline.commands.report, pipeline.commands.compare",
            {"tensorflow", "keras", "tfx", "apache_beam"},
        ),
        ("import kubeflow.submit.follow", {"tensorflow", "keras", "tfx", "apache_beam", "astropy"}),
        # Another package of this name is on the package index; KFP's client must not need it.
        ("import kfp.client, kfp.kubernetes", {"kubeflow"}),
        (
            "import preprocessing.stamps, preprocessing.labels.reading",
            {"tensorflow", "keras", "tfx", "apache_beam"},
        ),
    ],
)
def test_light_modules_load_nothing_heavy(statement, heavy):
    assert not loaded_by(statement) & heavy
