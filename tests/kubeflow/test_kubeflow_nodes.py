"""The nodes that exist on Kubeflow Pipelines only, called as functions."""

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from tfx.types.standard_artifacts import Model

from components.artifacts import MorphologyReport
from components.optional_model import is_missing
from kubeflow.nodes.incumbent import Incumbent
from kubeflow.nodes.kubeflow_report import ROC_POINTS, confusion_matrix_of, roc_points, shown_metrics
from kubeflow.nodes.publication_gate import PublicationGate
from pipeline.verdict import RefusedError, refusals

METRICS = {
    "test": {
        **dict.fromkeys(("auc_pr", "precision", "recall", "ece"), 0.5),
        "accuracy": 0.96,
        "auc": 0.98,
        "loss": float("nan"),
        "n": 5,
        "confusion_matrix": [[2, 1], [0, 2]],
    },
    "cross_validation": None,
    "holdout": {"accuracy": 0.975, "n": 10},
    "uncertain": None,
    "gate": {"blessed": True, "reasons": []},
    "serving": None,
    "pushed_version": None,
}


def call(node, **arguments):
    """Call the function of a node."""
    return node.EXECUTOR_SPEC.executor_class._FUNCTION(**arguments)


def artifact(kind, folder: Path):
    made = kind()
    made.uri = str(folder)
    return made


def test_the_published_model_is_copied_with_all_its_files(tmp_path):
    version = tmp_path / "models" / "3"
    (version / "variables").mkdir(parents=True)
    (version / "saved_model.pb").write_bytes(b"graph")
    (version / "variables" / "data").write_bytes(b"weights")
    model = artifact(Model, tmp_path / "copy")
    call(Incumbent, model=model, published=json.dumps({"path": str(version), "state": "s"}), code="c")
    assert not is_missing(model)
    copied = Path(model.uri, "Format-Serving")
    assert (copied / "saved_model.pb").read_bytes() == b"graph"
    assert (copied / "variables" / "data").read_bytes() == b"weights"


def test_before_the_first_model_the_artifact_is_not_empty(tmp_path):
    model = artifact(Model, tmp_path / "none")
    call(Incumbent, model=model, published="{}", code="c")
    assert is_missing(model) and any(Path(model.uri).iterdir())


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({}, []),
        ({"serving": {"blessed": True, "reasons": []}}, []),
        (
            {"gate": {"blessed": False, "reasons": ["accuracy 0.9 < 0.95", "auc"]}},
            [
                "the model is not good enough, nothing was pushed: accuracy 0.9 < 0.95",
                "the model is not good enough, nothing was pushed: auc",
            ],
        ),
        (
            {"serving": {"blessed": False, "reasons": ["it does not load"]}},
            ["the model cannot be served, nothing was pushed: it does not load"],
        ),
        (
            {"gate": {"blessed": False, "reasons": []}},
            ["the model is not good enough, nothing was pushed: no reason is given"],
        ),
    ],
)
def test_a_run_without_a_published_model_fails_at_the_last_node(tmp_path, changes, lines):
    (tmp_path / "metrics.json").write_text(json.dumps(METRICS | changes))
    assert refusals(METRICS | changes) == lines
    report = artifact(MorphologyReport, tmp_path)
    if not lines:
        assert call(PublicationGate, report=report, code="c") == {"passed": 1}
        return
    with pytest.raises(RefusedError) as error:
        call(PublicationGate, report=report, code="c")
    assert str(error.value) == "; ".join(lines)


def test_only_numbers_that_json_can_hold_are_shown():
    shown = shown_metrics(METRICS)
    assert shown["accuracy"] == 0.96 and shown["holdout_accuracy"] == 0.975 and shown["test_galaxies"] == 5
    assert "loss" not in shown and "uncertain_fraction" not in shown
    assert not [name for name in shown if name.startswith("cross_validation")]
    assert shown["published_version"] == "none"
    assert json.loads(json.dumps(shown, allow_nan=False)) == shown
    folds = {"accuracy_mean": 0.97, "accuracy_std": 0.005, "auc_mean": 0.99, "loss_mean": 0.07}
    assert (
        shown_metrics(METRICS | {"cross_validation": folds, "pushed_version": "4"}).items()
        >= {
            "cross_validation_accuracy_mean": 0.97,
            "cross_validation_loss_mean": 0.07,
            "published_version": "4",
        }.items()
    )


def test_the_confusion_matrix_has_true_classes_as_rows():
    assert confusion_matrix_of(METRICS) == {
        "annotationSpecs": [{"displayName": "spiral"}, {"displayName": "elliptical"}],
        "rows": [{"row": [2.0, 1.0]}, {"row": [0.0, 2.0]}],
    }


@pytest.mark.parametrize("n", [7, 5000])
def test_the_area_under_the_points_is_that_of_scikit_learn(n):
    rng = np.random.default_rng(n)
    labels = np.arange(n) % 2
    probabilities = np.clip(labels * 0.3 + rng.random(n) * 0.7, 0, 1)
    points = roc_points(np.append(labels, 1), np.append(probabilities, np.nan))
    false, true = (np.array([point[key] for point in points]) for key in ("falsePositiveRate", "recall"))
    assert np.trapezoid(true, false) == pytest.approx(roc_auc_score(labels, probabilities), abs=2e-3)
    assert (false[0], true[0]) == (0, 0) and (false[-1], true[-1]) == (1, 1)
    assert len(points) <= ROC_POINTS and all(point["confidenceThreshold"] <= 1 for point in points)


def test_one_class_has_no_curve():
    assert roc_points(np.array([1, 1]), np.array([0.2, 0.4])) == []
