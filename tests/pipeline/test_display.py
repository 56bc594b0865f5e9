import io
import json

import pytest
from rich.console import Console

from pipeline.display import RunDisplay, show_results
from pipeline.events import NodeEvent

INGEST = {
    "rows": 3000,
    "examples": 2990,
    "rejects": 10,
    "reasons": {"too_blank": 1, "missing_file": 9},
    "warnings": {"sizes_differ": 2},
}
METRICS = {
    "test": {"n": 10, "accuracy": 0.9, "auc": None, "loss": 0.3},
    "holdout": None,
    "cross_validation": None,
    "uncertain": {"fraction_uncertain": 0.5, "n": 4},
    "gate": {"blessed": True, "reasons": []},
    "serving": None,
    "pushed_version": "7",
    "pushed_to": "/a/very/long/[path]/" + "x" * 80,
}


@pytest.fixture
def shown(tmp_path):
    def show(**changed) -> str:
        (tmp_path / "ingest.json").write_text(json.dumps(INGEST))
        stream = io.StringIO()
        console = Console(file=stream, width=40, color_system=None)
        show_results(console, METRICS | changed, tmp_path, tmp_path / "log", 90.0, 3 * 2**30)
        return stream.getvalue()

    return show


def test_results_keep_long_paths_whole(shown):
    text = shown()
    assert f"version 7, /a/very/long/[path]/{'x' * 80}\n" in text
    assert (
        "of 4 galaxies labelled uncertain, the model calls 2 uncertain (50.0%)" in text
        and "1.5 min, 3.0 GiB" in text
    )
    assert "holdout" not in text and "folds" not in text


def test_the_results_name_the_folds(shown):
    scores = {"accuracy_mean": 0.9771, "accuracy_std": 0.0052, "auc_mean": None, "auc_std": None}
    summary = {**scores, "loss_mean": 0.0688, "loss_std": None, "phases": "head", "folds": [{}] * 5}
    text = shown(cross_validation=summary)
    assert "accuracy 0.9771 +- 0.0052, loss 0.0688 (5 folds, head only)\n" in text
    assert "(5 folds, whole network)" in shown(cross_validation=summary | {"phases": "all"})


def test_the_results_count_rows_examples_and_rejects(shown):
    text = shown(gate={"blessed": False, "reasons": ["AUC"]})
    rejects = "10 rejects (9 missing_file, 1 too_blank); warnings: 2 sizes_differ\n"
    assert f"3,000 rows: 2,990 examples, {rejects}" in text
    assert "not good enough" in text and "version 7" not in text


def test_metrics_have_intervals_and_missing_metrics_a_dash(shown):
    test = {"n": 9, "accuracy": 0.5, "auc": None, "loss": None, "intervals": {"accuracy": [0.25, 0.75]}}
    text = shown(test=test)
    assert "accuracy            0.5000  (0.2500 to 0.7500, 95 %)\n" in text
    assert "AUC                 -\n" in text and "loss                -\n" in text


def test_one_galaxy_is_singular(shown):
    text = shown(test=METRICS["test"] | {"n": 1}, holdout={"accuracy": 1.0, "n": 1})
    assert "test split          1 galaxy\n" in text
    assert "accuracy 1.0000 on 1 galaxy of the larger class, left out to balance the classes\n" in text


@pytest.mark.parametrize("width", [30, 44, 70])
def test_no_result_is_wider_than_the_terminal(tmp_path, width):
    (tmp_path / "ingest.json").write_text(json.dumps(INGEST))
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    summary = {"accuracy_mean": 0.9771, "accuracy_std": 0.0052, "auc_mean": 0.99, "auc_std": 0.001}
    summary |= {"loss_mean": 0.0688, "loss_std": None, "phases": "head", "folds": [{}] * 5}
    metrics = METRICS | {"cross_validation": summary, "holdout": {"accuracy": 0.98, "n": 1300}}
    path = METRICS["pushed_to"]
    show_results(console, metrics, tmp_path, tmp_path / "log", 90.0, 3 * 2**30)
    lines = console.file.getvalue().splitlines()
    long = {str(tmp_path / "index.html"), str(tmp_path / "log"), path}
    assert all(len(line) <= width or line.strip() in long for line in lines), lines
    assert sum(line.strip().endswith(path) for line in lines) == 1, "whole, to be copied"


def test_a_model_that_was_refused_is_not_called_pushed():
    stream = io.StringIO()
    with RunDisplay(Console(file=stream, width=80)) as display:
        display.show(NodeEvent("Pusher", "skipped", 0.1))
    assert stream.getvalue().splitlines()[-1].split()[:4] == ["Pusher", "skipped", "(model", "refused)"]
