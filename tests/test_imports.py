"""The imports point one way, and the command line stays light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent

# DESIGN.md, section 3: package -> the packages of ours that it may import.
ALLOWED = {
    "benchmarks": {"preprocessing", "components", "evaluation", "pipeline", "simulation", "trainer"},
    "preprocessing": set(),
    "simulation": {"preprocessing"},
    "evaluation": {"preprocessing"},
    "trainer": {"preprocessing", "evaluation"},
    # Components that train call the trainer, as TFX's own Trainer does by import path.
    "components": {"preprocessing", "evaluation", "trainer", "report"},
    "configs": set(),
    "fetch": {"preprocessing", "components"},
    "pages": set(),
    "report": {"preprocessing", "evaluation", "pages"},
    "inspection": {"preprocessing", "components", "pages"},
    "sweep": {"preprocessing", "components", "evaluation", "inspection", "pages"},
    # The command line reads every package's settings, and simulates; nothing imports the pipeline.
    "pipeline": {
        *("preprocessing", "evaluation", "simulation", "trainer", "components"),
        *("configs", "fetch", "inspection", "report", "sweep"),
    },
}


def imported_packages(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            found.add((node.module or "").split(".")[0])
    return found


@pytest.mark.parametrize("package", ALLOWED)
def test_arrows(package):
    files = list((PROJECT / package).rglob("*.py"))
    assert files or package == "configs"
    for path in files:
        ours = imported_packages(path) & ALLOWED.keys()
        assert ours <= ALLOWED[package] | {package}, path


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
        ("import inspection.look, inspection.terminal", {"tensorflow", "keras", "tfx", "apache_beam"}),
        ("import report.build, report.choice", {"tensorflow", "keras", "tfx", "apache_beam", "astropy"}),
        (
            "import pipeline.run, simulation.survey",
            {"tensorflow", "keras", "tfx", "apache_beam", "galsim", "matplotlib", "sklearn"},
        ),
        (
            "import pipeline.sweep_command, pipeline.pretrain_command",
            {"tensorflow", "keras", "tfx", "apache_beam"},
        ),
        ("import fetch.weights, trainer.weights_preflight", {"tensorflow", "keras", "tfx", "h5py"}),
        (
            "import pipeline.report_command, pipeline.compare_command",
            {"tensorflow", "keras", "tfx", "apache_beam"},
        ),
        (
            "import preprocessing.stamps, components.fits_example_gen.labels.reading",
            {"tensorflow", "keras", "tfx", "apache_beam"},
        ),
    ],
)
def test_light_modules_load_nothing_heavy(statement, heavy):
    assert not loaded_by(statement) & heavy
