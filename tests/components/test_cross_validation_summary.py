import json

import numpy as np
import pytest

from components.cross_validation.summary import best_fold, summarize
from evaluation.calibration import calibration_error, fit_temperature, with_temperature
from evaluation.formats.out_of_fold import OutOfFold
from trainer.folds import FoldScores


def fold(number: int, labels, p_elliptical) -> FoldScores:
    names = [f"{number}-{place}" for place in range(len(labels))]
    scores = OutOfFold(names, list(labels), [number] * len(labels), list(p_elliptical))
    return FoldScores(scores, {"fold": number, "phases": "head", "n_train": 8, "seconds": 1.5, "history": {}})


def too_sure(folds: int, n: int = 300) -> list[FoldScores]:
    """Folds whose logits are three times too large."""
    random = np.random.default_rng(0)
    found = []
    for number in range(folds):
        logits = random.normal(0, 2, n)
        labels = (random.random(n) < 1 / (1 + np.exp(-logits))).astype(int)
        found.append(fold(number, labels.tolist(), (1 / (1 + np.exp(-3 * logits))).tolist()))
    return found


def test_two_folds_by_hand():
    found = summarize([fold(1, [0, 1], [0.6, 0.9]), fold(0, [0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9])])
    assert found["phases"] == "head" and [row["fold"] for row in found["folds"]] == [0, 1]
    assert [row["accuracy"] for row in found["folds"]] == [1.0, 0.5]
    assert list(found["folds"][0]) == ["fold", "accuracy", "auc", "loss", "n", "n_train", "seconds"]
    assert found["accuracy_mean"] == 0.75 and found["accuracy_std"] == pytest.approx(np.sqrt(0.125))
    assert found["auc_mean"] == 1.0 and found["auc_std"] == 0.0
    losses = [-np.log([0.9, 0.8, 0.8, 0.9]).mean(), -np.log([0.4, 0.9]).mean()]
    assert found["loss_mean"] == pytest.approx(np.mean(losses))
    pooled = found["pooled"]
    assert pooled["n"] == 6 and pooled["accuracy"] == 5 / 6 and pooled["auc"] == 1.0
    assert pooled["loss"] == pytest.approx((4 * losses[0] + 2 * losses[1]) / 6)
    assert best_fold(found) == 0


def test_each_fold_is_scaled_by_the_temperature_of_the_others():
    folds = too_sure(3)
    pooled = summarize(folds)["pooled"]
    every = OutOfFold.joined(one.scores for one in folds)
    scaled = []
    for one in folds:
        others = OutOfFold.joined(other.scores for other in folds if other is not one)
        temperature = fit_temperature(others.labels, others.p_elliptical)
        scaled.extend(with_temperature(one.scores.p_elliptical, temperature))
    assert pooled["temperature"] == fit_temperature(every.labels, every.p_elliptical)
    assert pooled["temperature"] == pytest.approx(3, rel=0.15)
    assert pooled["ece_calibrated"] == pytest.approx(calibration_error(every.labels, scaled))
    assert pooled["ece_calibrated"] < 0.4 * pooled["ece"] and pooled["loss_calibrated"] < pooled["loss"]


@pytest.mark.parametrize(
    "folds", [too_sure(1), [fold(0, [0, 1], [0.2, 0.6]), fold(1, [0, 0], [0.3, 0.7])]], ids=["one", "class"]
)
def test_without_two_folds_of_both_classes_there_is_no_temperature(folds):
    pooled = summarize(folds)["pooled"]
    assert pooled["temperature"] is pooled["ece_calibrated"] is pooled["loss_calibrated"] is None
    assert pooled["ece"] > 0


def test_what_is_no_number_is_wrong_and_leaves_no_measure():
    found = summarize([fold(0, [0, 1], [np.nan, 0.9]), fold(1, [0, 1], [0.1, 0.9])])
    assert [row["accuracy"] for row in found["folds"]] == [0.5, 1.0]
    assert found["folds"][0]["loss"] is None and found["loss_std"] is None
    assert found["loss_mean"] is found["auc_mean"] is None, "of one fold only, it would pass for that of both"
    assert found["accuracy_mean"] == 0.75
    assert found["pooled"]["ece"] is found["pooled"]["ece_calibrated"] is None
    assert best_fold(found) == 1
    json.dumps(found, allow_nan=False)
