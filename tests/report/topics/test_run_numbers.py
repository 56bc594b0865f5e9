"""The numbers of ``metrics.json``, against scikit-learn, SciPy and tables worked out by hand."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_folder import galaxies, write_folder
from scipy import stats
from sklearn import metrics

from evaluation.formats.json_text import finite
from evaluation.groups import Group
from pipeline.config import DecisionSettings
from report.evidence.reading import read_evidence
from report.topics.calibration import calibration_numbers
from report.topics.decision import decision_numbers
from report.topics.groups import chance_of_equality, group_numbers, relative_noise, sky_field, unwrapped
from report.topics.numbers import class_chance, classification_report, run_numbers


@pytest.fixture(scope="module")
def evidence(tmp_path_factory):
    folder = tmp_path_factory.mktemp("numbers")
    return read_evidence(write_folder(folder, 1500, pictures=False, tfma={"accuracy": 0.9, "auc": None}))


@pytest.fixture(scope="module")
def numbers(evidence):
    return run_numbers(evidence)


def predictions_of(tmp_path, **changes):
    """600 invented galaxies of which something is changed."""
    return read_evidence(write_folder(tmp_path, data=galaxies(600) | changes, pictures=False)).predictions


def test_the_classification_report_is_that_of_scikit_learn(evidence, numbers):
    labels, p = evidence.predictions.scored("test")
    theirs = metrics.classification_report(
        labels, p > 0.5, target_names=["spiral", "elliptical"], output_dict=True
    )
    ours = numbers["test"]["report"]
    for name, title in (("spiral",) * 2, ("elliptical",) * 2, ("macro avg", "macro average")):
        for key, found in theirs[name].items():
            assert ours[title][key.replace("-score", "")] == pytest.approx(found, abs=1e-12)
    weighted = ours["weighted average"]
    assert weighted["recall"] == pytest.approx(theirs["accuracy"]) and weighted["support"] == len(labels)


def test_the_test_scores_are_those_of_scikit_learn(evidence, numbers):
    labels, p = evidence.predictions.scored("test")
    test = numbers["test"]
    assert test["accuracy"] == metrics.accuracy_score(labels, p > 0.5)
    assert test["auc"] == pytest.approx(metrics.roc_auc_score(labels, p), abs=1e-12)
    assert test["confusion_matrix"] == metrics.confusion_matrix(labels, p > 0.5).tolist()
    for key, (low, high) in test["intervals"].items():
        # Resampling leans the calibration error upwards.
        assert low <= test[key] <= high or key == "ece"


def test_the_contract_of_the_metrics_is_kept(numbers):
    assert {"accuracy", "auc", "loss", "n", "confusion_matrix"} <= numbers["test"].keys()
    assert {"accuracy", "n"} <= numbers["holdout"].keys()
    assert {"fraction_uncertain", "n"} <= numbers["uncertain"].keys()
    assert {"folds", "accuracy_mean", "accuracy_std"} <= numbers["cross_validation"].keys()
    assert numbers["gate"]["blessed"] and numbers["gate"]["reasons"] == []
    assert numbers["pushed_version"] == "7"
    assert json.loads(json.dumps(numbers, allow_nan=False)) == numbers


def test_holdout_and_uncertain_are_shares_with_intervals(evidence, numbers):
    labels, p = evidence.predictions.scored("holdout")
    right = int(((p > 0.5) == labels).sum())
    found = numbers["holdout"]
    assert (found["accuracy"], found["n"]) == (right / len(p), len(p))
    theirs = stats.binomtest(right, len(p)).proportion_ci(method="wilson")
    assert found["interval"] == pytest.approx([theirs.low, theirs.high])
    p = evidence.predictions.scored("uncertain")[1]
    assert numbers["uncertain"]["fraction_uncertain"] == np.mean((p >= 0.25) & (p <= 0.75))


def test_splits_are_counted(evidence, numbers):
    every = [count for split in numbers["splits"].values() for count in split.values()]
    assert sum(every) == len(evidence.predictions)
    assert numbers["splits"]["uncertain"]["spiral"] == 0 < numbers["splits"]["uncertain"]["uncertain"]


def test_the_evaluator_is_compared_where_it_has_a_number(numbers):
    tfma = numbers["tfma"]
    assert tfma["difference"] == {"accuracy": pytest.approx(abs(0.9 - numbers["test"]["accuracy"]))}


def test_galaxies_without_a_number_are_left_out_of_the_report():
    labels, p = np.array([0, 1, 1, 0]), np.array([0.1, 0.9, np.nan, 0.8])
    report = classification_report(labels, p)
    assert report["spiral"] == {"precision": 1.0, "recall": 0.5, "f1": pytest.approx(2 / 3), "support": 2}
    assert classification_report(labels, np.full(4, np.nan)) is None


def test_an_absent_class_has_no_recall():
    report = classification_report(np.zeros(3, int), np.array([0.1, 0.2, 0.9]))
    assert report["elliptical"]["support"] == 0 and math.isnan(report["elliptical"]["recall"])
    assert report["spiral"]["recall"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ([[10, 0], [0, 10]], None),
        ([[10, 3], [0, 0]], None),
        (None, None),
        # 3 of 4 against 0 of 4: the lady tasting tea has 4 * 1 + ... of 56 ways to be so uneven, both sides.
        ([[1, 3], [0, 4]], 2 * math.comb(4, 3) / math.comb(8, 3)),
    ],
)
def test_classes_are_compared_by_fishers_exact_test(matrix, expected):
    assert class_chance(matrix) == (None if expected is None else pytest.approx(expected))


def test_without_temperature_one_is_fitted_on_validation_and_tried_on_test(evidence):
    found = calibration_numbers(evidence.predictions, None)
    assert not found["exported"] and found["n_validation"] == len(evidence.predictions.rows("val"))
    labels, p = evidence.predictions.scored("test")
    logit = np.log(p / (1 - p)) / found["temperature"]
    assert found["with"]["loss"] == pytest.approx(
        metrics.log_loss(labels, 1 / (1 + np.exp(-logit))), rel=1e-4
    )
    assert found["without"]["loss"] == pytest.approx(metrics.log_loss(labels, p))


def test_no_temperature_is_made_up_where_validation_galaxies_are_all_right(tmp_path):
    data = galaxies(600)
    validation = np.array(data["split"]) == "val"
    data["p"] = np.where(validation, np.where(np.array(data["label"]) == 1, 0.9, 0.1), data["p"])
    found = calibration_numbers(predictions_of(tmp_path, p=data["p"]), None)
    assert found["temperature"] is None and found["with"] is None
    assert found["problem"].startswith("every galaxy is classified correctly")


def test_an_exported_temperature_is_undone(tmp_path):
    data = galaxies(600)
    data["p"] = np.clip(data["p"], 1e-4, 1 - 1e-4)
    plain = predictions_of(tmp_path / "plain", p=data["p"])
    logit = np.log(data["p"] / (1 - data["p"])) / 2
    scaled = predictions_of(tmp_path / "scaled", p=np.float32(1 / (1 + np.exp(-logit))))
    found = calibration_numbers(scaled, 2.0)
    assert found["exported"] and found["temperature"] == 2.0
    assert found["with"]["loss"] == pytest.approx(metrics.log_loss(*scaled.scored("test")))
    assert found["without"]["loss"] == pytest.approx(metrics.log_loss(*plain.scored("test")), rel=1e-4)


def test_the_interval_is_chosen_on_validation_and_tried_on_test(evidence):
    found = decision_numbers(evidence.predictions, (0.25, 0.75), 0.97)
    chosen, (labels, p) = found["chosen"], evidence.predictions.scored("val")
    assert np.mean(labels[p > chosen["high"]] == 1) >= 0.97 <= np.mean(labels[p < chosen["low"]] == 0)
    labels, p = evidence.predictions.scored("test")
    rest = (p < 0.25) | (p > 0.75)
    fixed = found["fixed"]["test"]
    assert fixed["share_uncertain"] == pytest.approx(1 - rest.mean())
    assert fixed["accuracy_of_the_rest"] == pytest.approx(np.mean((p > 0.5)[rest] == labels[rest]))


def test_groups_add_up_to_the_test_split(evidence, numbers):
    assert list(numbers["groups"]) == ["magnitude", "size", "field", "noise", "blank"]
    n = len(evidence.predictions.rows("test"))
    for group in numbers["groups"].values():
        assert sum(one["n"] for one in group["groups"]) == n
        right = sum(one["n"] * one["accuracy"] for one in group["groups"])
        assert right / n == pytest.approx(numbers["test"]["accuracy"])


def test_without_fields_positions_are_compared(tmp_path):
    names = np.array([f"g{number}" for number in range(600)])
    found = group_numbers(predictions_of(tmp_path, name=names), None)
    assert list(found) == ["ra", "dec"]
    # Invented between 300 and 420 degrees: no group reaches round the sky, and none is titled above 360.
    assert [group["high"] - group["low"] < 60 for group in found["ra"]["groups"]] == [True] * 5
    assert all(float(end) <= 360 for g in found["ra"]["groups"] for end in g["title"].split(" to "))


def test_without_anything_known_there_are_no_groups(tmp_path):
    unknown = {key: np.full(600, np.nan) for key in ("ra", "dec")}
    names = np.array([f"g{number}" for number in range(600)])
    assert group_numbers(predictions_of(tmp_path, name=names, **unknown), None) == {}


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("SPLUS.STRIPE82-0036.01234.griz", "STRIPE82-0036"),
        ("iDR4_3_SPLUS-n02s10_0001234", "SPLUS-n02s10"),
        ("HYDRA-0012", "HYDRA-0012"),
        ("NGC5414", ""),
        ("J123456.7-012345", ""),
        ("587722981736906813", ""),
        ("", ""),
    ],
)
def test_fields_are_read_from_names(name, field):
    assert sky_field(name) == field


def group(right, n):
    return Group("", None, None, n, right / n, (0.0, 1.0))


def test_the_chance_of_two_groups_is_that_of_fishers_test():
    # Both are exact given the totals; they order tables differently, but not where the groups are as large.
    for right in ((18, 12), (20, 19), (10, 10)):
        exact = stats.fisher_exact([[right[0], 20 - right[0]], [right[1], 20 - right[1]]]).pvalue
        assert chance_of_equality([group(one, 20) for one in right]) == pytest.approx(exact, abs=0.03)


def test_groups_that_cannot_differ_have_no_chance():
    assert chance_of_equality([group(5, 5), group(7, 7)]) is None
    assert chance_of_equality([group(0, 5), group(0, 7)]) is None
    assert chance_of_equality([group(3, 5)]) is None


@given(st.lists(st.floats(0, 359.99), min_size=2, max_size=30), st.floats(0, 359.99))
def test_unwrapped_angles_are_the_same_angles_in_the_least_range(angles, turn):
    ra = np.array(angles)
    found = unwrapped(ra)
    np.testing.assert_allclose((found - ra + 180) % 360 - 180, 0, atol=1e-9)
    assert np.ptp(found) <= np.ptp(ra) + 1e-9
    turned = unwrapped((ra + turn) % 360)
    assert np.ptp(turned) == pytest.approx(np.ptp(found), abs=1e-6)


def test_unknown_angles_stay_unknown():
    assert np.isnan(unwrapped(np.array([np.nan, 1.0, 359.0]))).tolist() == [True, False, False]


def test_noise_is_in_units_of_each_bands_median():
    noise = {"R": np.array([1.0, 2.0, 4.0, 9.0]), "G": np.array([20.0, 20.0, 20.0, np.nan])}
    np.testing.assert_allclose(relative_noise(noise, np.arange(3)), [0.75, 1.0, 1.5])
    assert np.isnan(relative_noise({}, np.arange(3))).all()
    assert np.isnan(relative_noise({"R": np.zeros(4)}, np.arange(3))).all()


def test_json_knows_no_nan():
    assert finite({"a": [math.nan, (1.0, math.inf)], "b": "nan"}) == {"a": [None, [1.0, None]], "b": "nan"}


def test_the_run_says_which_precision_the_interval_is_asked_for(evidence, numbers):
    assert numbers["decision"]["precision"] == DecisionSettings().precision == 0.99
    settings = {**evidence.settings, "decision": {**evidence.settings["decision"], "precision": 0.9}}
    asked = run_numbers(replace(evidence, run={**evidence.run, "settings": settings}))["decision"]
    assert asked["precision"] == 0.9
    assert asked["chosen"]["share_uncertain"] < numbers["decision"]["chosen"]["share_uncertain"]
