"""Which galaxies are shown."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from report_folder import galaxies, write_folder

from evaluation.formats.out_of_fold import OutOfFold
from report.evidence.reading import read_evidence
from report.run import choice
from report.run.choice import MOST, choose


@pytest.fixture(scope="module")
def evidence(tmp_path_factory):
    return read_evidence(write_folder(tmp_path_factory.mktemp("choice"), 2000, pictures=False))


@pytest.fixture(scope="module")
def chosen(evidence):
    return choose(evidence.predictions, evidence.out_of_fold)


def rows_of(evidence, names):
    found = evidence.predictions.find(names)
    return np.array([found[name] for name in names])


def test_every_gallery_is_there_and_none_is_too_large(chosen):
    assert chosen.panels.keys() == MOST.keys()
    for title, names in chosen.panels.items():
        assert 0 < len(names) <= MOST[title] and len(set(names)) == len(names)
    assert set(chosen.views) <= set(chosen.names) and set(chosen.attention) <= set(chosen.names)
    assert len(set(chosen.names)) == len(chosen.names)


def test_wrong_galaxies_are_all_wrong_and_the_surest_come_first(evidence, chosen):
    predictions = evidence.predictions
    rows = rows_of(evidence, chosen.panels[choice.MISCLASSIFIED])
    p, labels = predictions.p_elliptical[rows], predictions.labels[rows]
    assert ((p > 0.5) != (labels == 1)).all()
    sureness = np.abs(p - 0.5)
    assert (np.diff(sureness) <= 0).all()
    test = predictions.rows("test")
    wrong = test[(predictions.p_elliptical[test] > 0.5) != (predictions.labels[test] == 1)]
    others = np.setdiff1d(wrong, rows)
    assert not len(others) or np.abs(predictions.p_elliptical[others] - 0.5).max() <= sureness.min()


def test_how_many_there_are_is_counted_whatever_is_shown(evidence, chosen):
    predictions = evidence.predictions
    test, uncertain = predictions.rows("test"), predictions.rows("uncertain")
    right = (predictions.p_elliptical[test] > 0.5) == (predictions.labels[test] == 1)
    assert chosen.totals[choice.MISCLASSIFIED] == (~right).sum()
    assert chosen.totals[choice.LABELLED_UNCERTAIN] == len(uncertain) > MOST[choice.LABELLED_UNCERTAIN]
    assert chosen.totals[choice.CALLED_UNCERTAIN] == (predictions.morphologies[test] == -1).sum()
    for title, names in chosen.panels.items():
        assert len(names) == min(MOST[title], chosen.totals[title])


def test_right_and_sure_ones_are_outside_the_uncertain_interval(evidence, chosen):
    predictions = evidence.predictions
    for title, label in ((choice.CONFIDENT_SPIRALS, 0), (choice.CONFIDENT_ELLIPTICALS, 1)):
        rows = rows_of(evidence, chosen.panels[title])
        assert (predictions.labels[rows] == label).all() and (predictions.morphologies[rows] == label).all()


def test_the_ones_in_between_are_called_uncertain(evidence, chosen):
    rows = rows_of(evidence, chosen.panels[choice.CALLED_UNCERTAIN])
    assert (evidence.predictions.morphologies[rows] == -1).all()
    assert (np.diff(np.abs(evidence.predictions.p_elliptical[rows] - 0.5)) >= 0).all()


def test_uncertain_galaxies_span_all_probabilities(evidence, chosen):
    p = evidence.predictions.p_elliptical[rows_of(evidence, chosen.panels[choice.LABELLED_UNCERTAIN])]
    every = evidence.predictions.scored("uncertain")[1]
    assert len(p) == 16 and (np.diff(p) >= 0).all() and (p[0], p[-1]) == (every.min(), every.max())


def test_only_issues_are_suspected(evidence, chosen):
    scores = evidence.out_of_fold
    labels = dict(zip(scores.names, scores.labels, strict=True))
    p = dict(zip(scores.names, scores.p_elliptical, strict=True))
    suspects = chosen.panels[choice.SUSPECTS]
    assert all((p[name] > 0.5) != (labels[name] == 1) for name in suspects)
    assert len(suspects) < len(scores)


def test_the_order_of_the_rows_changes_nothing(evidence, chosen):
    predictions = evidence.predictions
    order = np.random.default_rng(1).permutation(len(predictions))
    arrays = {key: value[order] for key, value in vars(predictions).items() if isinstance(value, np.ndarray)}
    shuffled = replace(predictions, names=predictions.names.take(pa.array(order)), **arrays)
    assert choose(shuffled, evidence.out_of_fold) == chosen


def test_equals_go_by_name(tmp_path):
    data = galaxies(400)
    data["p"] = np.full(400, 0.9, np.float32)
    evidence = read_evidence(write_folder(tmp_path, data=data, pictures=False))
    names = choose(evidence.predictions, None).panels[choice.MISCLASSIFIED]
    wrong = sorted(data["name"][(data["split"] == "test") & (data["label"] == 0)].tolist())
    assert list(names) == wrong[: MOST[choice.MISCLASSIFIED]]


def test_galaxies_without_a_probability_are_not_shown(tmp_path):
    data = galaxies(400)
    data["p"][::2] = np.nan
    evidence = read_evidence(write_folder(tmp_path, data=data, pictures=False))
    names = choose(evidence.predictions, None).names
    assert names and np.isfinite(evidence.predictions.p_elliptical[rows_of(evidence, names)]).all()


@pytest.mark.parametrize("scores", [None, OutOfFold([], [], [], [])])
def test_nothing_at_all_is_chosen_from_nothing(tmp_path, scores):
    data = {key: values[:0] for key, values in galaxies(10).items()}
    evidence = read_evidence(write_folder(tmp_path, data=data, pictures=False))
    chosen = choose(evidence.predictions, scores)
    assert chosen.names == () and set(chosen.panels) == set(MOST)
