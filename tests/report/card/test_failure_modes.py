"""What the card says of failures, against galaxies that are counted by hand."""

from pathlib import Path

import numpy as np
import pytest
from report_folder import galaxies, write_folder

from report.card.failure_modes import FEW, failure_modes
from report.evidence.reading import read_evidence
from report.topics.numbers import run_numbers


def table(*groups: tuple[int, str, int, float], magnitude: float = 15.0) -> dict[str, np.ndarray]:
    """Galaxies in groups of (count, split, label, probability)."""
    n = sum(count for count, *_ in groups)
    data = galaxies(n)
    rows = [parts for count, *parts in groups for _ in range(count)]
    data["split"] = np.array([split for split, _, _ in rows])
    data["label"] = np.array([label for _, label, _ in rows])
    data["p"] = np.array([p for *_, p in rows], np.float32)
    data["magnitude"] = np.full(n, magnitude)
    data["fold"] = np.full(n, -1)
    return data


@pytest.fixture
def said(tmp_path: Path):
    """What is said of each way to fail, by its title."""

    def findings(data: dict[str, np.ndarray] | None, *removed: str, **run) -> dict[str, str]:
        folder = write_folder(tmp_path / "report", data=data, pictures=False, **run)
        for name in removed:
            (folder / name).unlink()
        evidence = read_evidence(folder)
        found = failure_modes(evidence, run_numbers(evidence))
        return {finding.title: finding.text.replace("\N{NO-BREAK SPACE}", " ") for finding in found}

    return findings


def test_each_class_is_counted_and_no_difference_is_made_up(said):
    text = said(table((97, "test", 0, 0.1), (3, "test", 0, 0.9), (95, "test", 1, 0.9), (5, "test", 1, 0.1)))[
        "Classes"
    ]
    # Wilson's intervals of 3 and 5 of 100, from its closed form.
    assert "3 of 100 spirals (3.0 %, 95 % interval 1.0 % to 8.5 %) are called elliptical" in text
    assert "5 of 100 ellipticals (5.0 %, 95 % interval 2.2 % to 11.2 %) are called spiral" in text
    # Fisher's exact test, from binomial coefficients.
    assert "not significant (p = 0.72)" in text


def test_a_class_that_is_misclassified_more_often_is_named(said):
    data = table((99, "test", 0, 0.1), (1, "test", 0, 0.9), (70, "test", 1, 0.9), (30, "test", 1, 0.1))
    text = said(data)["Classes"]
    assert "1 of 100 spirals" in text and "is called elliptical" in text
    last = text.split(". ")[-1]
    assert last.startswith("Ellipticals") and "significantly" in last and "(p < 0.001)" in last


def test_classes_without_a_mistake_are_said(said):
    text = said(table((30, "test", 0, 0.1), (30, "test", 1, 0.9)))["Classes"]
    assert "No galaxy is misclassified" in text and "(p " not in text


def test_a_few_galaxies_allow_no_conclusion(said):
    findings = said(table((9, "test", 0, 0.1), (9, "test", 1, 0.1)))
    assert findings["Classes"].endswith(FEW)
    assert findings["Confident errors"].endswith(FEW)


def test_an_absent_class_is_said(said):
    text = said(table((30, "test", 0, 0.1)))["Classes"]
    assert "no galaxy of the other class" in text


def test_confident_errors_leave_out_the_decision_interval(said):
    data = table((50, "test", 0, 0.1), (4, "test", 0, 0.9), (6, "test", 0, 0.6), (40, "test", 1, 0.9))
    assert said(data)["Confident errors"].startswith("4 of 94 test galaxies")


def test_the_worst_magnitudes_are_named_where_they_differ(said):
    data = table((250, "test", 0, 0.1), (250, "test", 1, 0.9))
    data["magnitude"] = np.tile(np.arange(13.0, 18.0), 100)
    faint = np.flatnonzero(data["magnitude"] == 17.0)
    data["p"][faint[:25]] = 0.9  # spirals
    text = said(data)["Magnitude [mag]"]
    for fact in ("at 17: 75.0 % of 100", "(95 % interval 65.7 % to 82.5 %)", "100.0 % of 400"):
        assert fact in text
    assert "differ significantly (p < 0.001; the intervals do not overlap)" in text


def test_equal_groups_are_not_called_different(said):
    data = table((200, "test", 0, 0.1), (200, "test", 1, 0.9))
    data["magnitude"] = np.tile(np.arange(13.0, 18.0), 80)
    data["p"][:21] = 0.9  # five at 13, four at every other magnitude
    text = said(data)["Magnitude [mag]"]
    assert "at 13: 93.8 % of 80" in text
    assert "do not differ significantly" in text and "the intervals overlap)" in text


def test_small_groups_say_nothing_however_bad_they_are(said):
    data = table((40, "test", 0, 0.1), (40, "test", 1, 0.9))
    data["magnitude"] = np.repeat(np.arange(13.0, 18.0), 16)
    data["p"][:16] = 0.9
    assert said(data)["Magnitude [mag]"].endswith(FEW)


def test_properties_that_nobody_knows_are_named(said):
    findings = said(None, "galaxies.csv")
    for title in ("Magnitude", "Side of the stamp", "Sky noise"):
        assert "not known for any test galaxy" in findings[title]


def test_one_value_for_all_cannot_be_compared(said):
    findings = said(table((40, "test", 0, 0.1), (40, "test", 1, 0.9)))
    assert "All test galaxies have 15" in findings["Magnitude [mag]"]


def test_unknown_magnitudes_are_counted(said):
    data = table((100, "test", 0, 0.1), (100, "test", 1, 0.9))
    data["magnitude"] = np.where(np.arange(200) % 4, np.linspace(12, 18, 200), np.nan)
    assert said(data)["Magnitude [mag]"].endswith("not known for 50 test galaxies.")


def test_answers_that_are_no_number_are_counted(said):
    data = table((50, "test", 0, 0.1), (50, "test", 1, 0.9), (2, "train", 0, np.nan))
    findings = said(data)
    assert findings["Missing probabilities"].startswith("2 of 102 galaxies")
    assert said(table((50, "test", 0, 0.1)))["Missing probabilities"].startswith("None: all 50")


def test_uncertain_galaxies_that_are_called_with_confidence_are_counted(said):
    data = table((30, "uncertain", -1, 0.5), (60, "uncertain", -1, 0.9), (10, "uncertain", -1, np.nan))
    text = said(data)["Galaxies labelled uncertain"]
    assert "60 of 100 galaxies" in text and "(60.0 %, 95 % interval 50.2 % to 69.1 %)" in text
    none = said(table((30, "test", 0, 0.1)))["Galaxies labelled uncertain"]
    assert "No galaxy is labelled uncertain" in none


@pytest.mark.parametrize(("right", "verdict"), [(96, "not significant"), (60, "harder")])
def test_holdout_galaxies_are_compared_with_their_own_class(said, right, verdict):
    data = table(
        (95, "test", 0, 0.1),
        (5, "test", 0, 0.9),
        (50, "test", 1, 0.1),  # ellipticals are all wrong, and do not count here
        (right, "holdout", 0, 0.1),
        (100 - right, "holdout", 0, 0.9),
    )
    text = said(data)["Holdout"]
    assert f"{right}.0 % of 100" in text and "95.0 % of 100" in text and verdict in text


def test_an_empty_test_split_is_said_once(said):
    findings = said(table((30, "train", 0, 0.1), (30, "train", 1, 0.9)))
    assert "test split is empty" in findings["Magnitude, size, noise"]
    assert "Magnitude [mag]" not in findings
    assert "neither class was tested" in findings["Classes"]


def test_without_folds_nothing_is_known_of_labels(said):
    found = said(None, "out_of_fold.csv", cross_validation=None)["Labels"]
    assert found.endswith("there was no cross-validation.")
    assert said(None, "out_of_fold.csv")["Labels"].endswith("out_of_fold.csv does not exist.")


def test_multiple_tests_are_mentioned(said):
    assert said(None)["Multiple tests"].startswith("5 properties")
