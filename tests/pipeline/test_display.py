import io
import json

import pytest
from rich.console import Console

from pipeline.display import show_results

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
    assert "50.0% called uncertain of 4" in text and "1.5 min, 3.0 GiB" in text
    assert "surplus" not in text and "folds" not in text


def test_the_results_name_the_folds(shown):
    scores = {"accuracy_mean": 0.9771, "accuracy_std": 0.0052, "auc_mean": None, "auc_std": None}
    summary = {**scores, "loss_mean": 0.0688, "loss_std": None, "phases": "head", "folds": [{}] * 5}
    text = shown(cross_validation=summary)
    assert "accuracy 0.9771 +- 0.0052, loss 0.0688 (5 folds, the top alone)\n" in text
    assert "(5 folds, the network)" in shown(cross_validation=summary | {"phases": "all"})


def test_the_results_say_what_became_of_every_row(shown):
    text = shown(gate={"blessed": False, "reasons": ["AUC"]})
    rejects = "10 rejects (9 missing_file, 1 too_blank); warnings: 2 sizes_differ\n"
    assert f"3,000 rows: 2,990 examples, {rejects}" in text
    assert "not good enough" in text and "version 7" not in text


def test_a_number_has_its_interval_and_what_is_none_has_a_dash(shown):
    test = {"n": 9, "accuracy": 0.5, "auc": None, "loss": None, "intervals": {"accuracy": [0.25, 0.75]}}
    text = shown(test=test)
    assert "accuracy            0.5000  (0.2500 to 0.7500, 95 %)\n" in text
    assert "AUC                 -\n" in text and "loss                -\n" in text
