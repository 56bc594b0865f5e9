"""The gate in whole runs: poor models, and tables of predictions that are changed between two nodes.

The runs are those of the wheel in an environment of its own, so that all that a run needs is in the wheel.
"""

import csv
import json
import sysconfig
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import whole_runs
from built_wheel import PROJECT
from sklearn.metrics import roc_auc_score
from whole_runs import COMMAND, UNTRIED, report, simulated_survey, states

pytestmark = pytest.mark.slow

QUICK = UNTRIED.replace("[train]\n", '[cross_validation]\nphases = "none"\n[train]\n')
POOR = ("--set", "train.fine_tune_epochs=1", "--set", "train.fine_tune_learning_rate=1e-9")


@pytest.fixture(scope="module")
def galmorph(request):
    """The installed command; of the source tree where it is no git checkout, so that no wheel is built."""
    whole = (PROJECT / ".git").exists()
    command = request.getfixturevalue("installed_galmorph") if whole else COMMAND
    return partial(whole_runs.galmorph, command=command)


@pytest.fixture(scope="module")
def folder(galmorph, tmp_path_factory) -> Path:
    """A run that has published a poor model."""
    folder = tmp_path_factory.mktemp("gate")
    simulated_survey(folder, QUICK)
    result = galmorph("run", folder / "galmorph.toml", *POOR)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "IncumbentPredictionGen" in states(result), "it runs although there is no published model yet"
    assert report(folder, "metrics.json")["gate"]["published"] is None
    (log,) = (folder / "run/logs").glob("*.log")
    ours = log.read_text().replace(sysconfig.get_paths()["purelib"], "")
    assert galmorph.keywords["command"] == COMMAND or str(PROJECT) not in ours
    return folder


@pytest.fixture(scope="module")
def better(galmorph, folder) -> dict:
    """The verdict on a well-trained model, which is better than the published one."""
    result = galmorph("run", folder / "galmorph.toml", "--set", "gate.max_accuracy_drop=0.005")
    assert result.returncode == 0, result.stdout + result.stderr
    metrics = report(folder, "metrics.json")
    assert metrics["pushed_version"] == "2"
    assert metrics["gate"]["published"]["accuracy"] < metrics["gate"]["accuracy"]
    assert metrics["gate"]["accuracy"] == metrics["test"]["accuracy"]
    assert metrics["gate"]["auc"] == metrics["test"]["auc"] == pytest.approx(metrics["tfma"]["auc"], abs=1e-6)
    return metrics["gate"]


def test_a_model_worse_than_the_published_one_is_refused(galmorph, folder, better):
    result = galmorph(
        "run",
        folder / "galmorph.toml",
        *POOR,
        "--set",
        "train.seed=7",
        "--set",
        "gate.max_accuracy_drop=0.005",
    )
    assert result.returncode == 3, result.stdout + result.stderr
    verdict = report(folder, "metrics.json")["gate"]
    assert verdict["published"] == {key: better[key] for key in ("accuracy", "auc", "n")}
    line = f"accuracy is {verdict['accuracy']:.4f}, which is"
    assert f"{line} {better['accuracy'] - verdict['accuracy']:.4f} below" in result.stderr
    page = (folder / "run/report/index.html").read_text()
    assert line in page and f"{better['accuracy']:.4f}" in page
    assert sorted(path.name for path in (folder / "models").iterdir()) == ["1", "2"]


def rows_of(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as table:
        return list(csv.DictReader(table))


def doctored(folder: Path, node: str, change, **gate) -> tuple[dict, dict, Path]:
    """Run again from the Evaluator on, with the table of a node changed before the next node reads it."""
    import tfx  # noqa: F401  # isort: skip
    from pipeline.config import load_settings
    from pipeline.create import create_pipeline
    from pipeline.events import NodeEvent
    from pipeline.local_runner import LocalRunner, local_place
    from pipeline.preflight import check_before_run
    from preprocessing.garbage import keep_imported

    keep_imported()
    settings = load_settings(
        folder / "galmorph.toml", [f"gate.{key}={json.dumps(value)}" for key, value in gate.items()]
    )
    outputs, kept = {}, {}

    def notify(event) -> None:
        if not isinstance(event, NodeEvent) or event.state not in ("done", "cached"):
            return
        outputs[event.node] = event.outputs
        if event.node == node:
            path = Path(event.outputs["predictions"]) / "predictions.csv"
            kept[path] = path.read_text()
            rows = rows_of(path)
            change([row for row in rows if row["split"] == "test"])
            with open(path, "w", newline="") as table:
                writer = csv.DictWriter(table, rows[0].keys(), lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)

    place = local_place(settings, folder / "run")
    fingerprint = check_before_run(settings).fingerprint
    try:
        LocalRunner(notify).run_pipeline(create_pipeline(settings, fingerprint, place))
    finally:
        for path, text in kept.items():
            path.write_text(text)
    assert kept
    verdict = json.loads((Path(outputs["Evaluator"]["evaluation"]) / "gate.json").read_text())
    page = Path(outputs["MorphologyReport"]["report"])
    return verdict, json.loads((page / "metrics.json").read_text()), page


def setter(values):
    """Change the probabilities of the test galaxies; `values` gets their labels."""

    def change(rows: list[dict[str, str]]) -> None:
        labels = np.array([int(row["label"]) for row in rows])
        for row, p in zip(rows, values(labels), strict=True):
            row["p_elliptical"] = str(np.float32(p))

    return change


RANDOM = np.random.default_rng(0)
TABLES = {
    # Ranked by its last digits alone this one would have an AUC of 1.
    "rounding": (lambda labels: 0.5306 + 1e-6 * labels, 0.0, "does not separate spirals"),
    "not a number": (
        lambda labels: np.where(np.arange(len(labels)) == 3, np.nan, 0.1 + 0.8 * labels),
        0.0,
        "p_elliptical is not a number for 1 of",
    ),
    "anti-correlated": (
        lambda labels: 0.9 - 0.8 * labels + 0.05 * RANDOM.uniform(size=len(labels)),
        0.5,
        "AUC is 0.0000, must be at least 0.5",
    ),
    "perfect": (lambda labels: 0.1 + 0.8 * labels + 0.05 * RANDOM.uniform(size=len(labels)), 1.0, None),
}


@pytest.mark.parametrize(("place", "case"), enumerate(TABLES))
def test_a_changed_table_changes_verdict_and_report_alike(folder, better, place, case):
    values, min_auc, expected = TABLES[case]
    before = {path.name for path in (folder / "models").iterdir()}
    # Another bound each time, so that no verdict is a cache hit.
    verdict, metrics, page = doctored(
        folder, "PredictionGen", setter(values), min_auc=min_auc, min_accuracy=1e-6 * (place + 1)
    )
    assert metrics["gate"] == verdict and verdict["accuracy"] == metrics["test"]["accuracy"]
    assert verdict["auc"] == metrics["test"]["auc"]
    test = [row for row in rows_of(page / "predictions.csv") if row["split"] == "test"]
    labels = np.array([int(row["label"]) for row in test])
    p = np.array([float(row["p_elliptical"]) for row in test])
    assert verdict["n"] == len(test)
    assert verdict["accuracy"] == pytest.approx(
        np.mean((p > 0.5) == labels) if case != "not a number" else 1 - 1 / len(p)
    )
    published = {path.name for path in (folder / "models").iterdir()} - before
    if expected is None:
        assert verdict["blessed"] and verdict["auc"] == roc_auc_score(labels, p) == 1.0
        assert metrics["pushed_version"] in published
    else:
        assert any(expected in reason for reason in verdict["reasons"]) and not verdict["blessed"]
        assert expected in (page / "index.html").read_text()
        assert not published and metrics["pushed_version"] is None
    if case == "rounding":
        assert verdict["auc"] == 0.5


def test_the_published_models_table_counts_too(folder, better):
    everything_right = setter(lambda labels: 0.1 + 0.8 * labels)
    verdict, metrics, _ = doctored(
        folder, "IncumbentPredictionGen", everything_right, max_accuracy_drop=0.001
    )
    assert verdict["published"]["accuracy"] == 1.0 and metrics["gate"] == verdict
    if verdict["accuracy"] < 0.999:
        assert not verdict["blessed"] and "below the published model's 1.0000" in verdict["reasons"][0]
