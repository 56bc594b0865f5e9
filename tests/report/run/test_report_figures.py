"""The figures: what they say of known situations."""

import re
from io import BytesIO
from xml.etree import ElementTree

import numpy as np
import pytest
from answer_tables import table
from PIL import Image
from report_folder import galaxies, history, nodes, run_content, write_folder

from evaluation.decision import interval_scores
from evaluation.intervals import wilson
from report.evidence.reading import read_evidence
from report.html.svg import drawing, steps
from report.run.figures.calibration import draw_calibration
from report.run.figures.curves import draw_confusion_matrix, draw_precision_recall, draw_roc, draw_thresholds
from report.run.figures.every import FIGURES, draw_figures
from report.run.figures.folds import draw_folds
from report.run.figures.groups import draw_groups
from report.run.figures.nodes import draw_nodes
from report.run.figures.plot import MOST_VERTICES, thinned
from report.run.figures.probabilities import draw_probabilities
from report.run.figures.training import best_epoch, draw_fold_training, draw_training
from report.topics.numbers import run_numbers, scored_numbers

INTERVAL = (0.25, 0.75)


@pytest.fixture(scope="module")
def plots(tmp_path_factory):
    evidence = read_evidence(write_folder(tmp_path_factory.mktemp("figures"), 600, pictures=False))
    return draw_figures(evidence, run_numbers(evidence))


def test_every_figure_is_there_as_svg_and_png(plots):
    expected = {"folds", "confusion_matrix", "roc", "precision_recall", "thresholds", "calibration"}
    expected |= {"probabilities", "uncertain", "holdout", "novelty", "nodes"}
    expected |= {f"groups-{key}" for key in ("magnitude", "size", "field", "noise", "blank")}
    assert plots.keys() == expected | {"training-head", "training-network", "training-folds"}
    # Or a figure that is no longer made would stay.
    assert plots.keys() | {"groups-ra", "groups-dec"} == set(FIGURES)
    for name, plot in plots.items():
        assert plot.name == name and plot.text.endswith(".")
        ElementTree.fromstring(plot.svg)
        assert min(Image.open(BytesIO(plot.png)).size) > 300


def test_axes_are_labelled_with_units(plots):
    for name, label in (
        ("roc", "spirals called elliptical [fraction]"),
        ("groups-magnitude", "magnitude [mag]"),
        ("nodes", "memory [GiB]"),
        ("probabilities", "probability of elliptical"),
    ):
        assert f">{label}<" in plots[name].svg


def test_classes_differ_in_more_than_colour(plots):
    dashes = re.findall(r"stroke: (#1f83c4|#d55e00)[^\"]*", plots["probabilities"].svg)
    assert set(dashes) == {"#1f83c4", "#d55e00"}
    orange = re.findall(r"stroke-dasharray: [\d., ]+[^\"]*stroke: #d55e00", plots["probabilities"].svg)
    blue = re.findall(r"stroke-dasharray: [\d., ]+[^\"]*stroke: #1f83c4", plots["probabilities"].svg)
    assert orange and not blue


def test_long_curves_are_thinned_with_a_note():
    labels = np.tile([0, 1], 20000)
    p = np.random.default_rng(0).random(40000)
    plot = draw_thresholds(labels, p, INTERVAL)
    assert f"Drawn at {MOST_VERTICES:,} of 40,000 thresholds." in plot.text and len(plot.svg) < 400_000


def test_a_short_curve_is_drawn_whole():
    places, note = thinned(MOST_VERTICES)
    assert len(places) == MOST_VERTICES and not note
    places, note = thinned(10 * MOST_VERTICES)
    assert (places[0], places[-1]) == (0, 10 * MOST_VERTICES - 1) and note


def test_the_confusion_matrix_says_which_class_is_missed():
    def text(matrix, chance):
        test = {"confusion_matrix": matrix, "class_chance": chance, "not_finite": 0}
        return draw_confusion_matrix(test).text

    worse = text([[50, 50], [1, 99]], 1e-9)
    assert "Spirals are misclassified significantly" in worse and "p < 0.001" in worse
    assert "not significant" in text([[98, 2], [3, 97]], 0.9)
    assert "None is misclassified" in text([[5, 0], [0, 5]], None)
    assert "no galaxy of the other class" in text([[5, 2], [0, 0]], None)
    nothing = {"confusion_matrix": None, "class_chance": None, "not_finite": 0}
    assert not draw_confusion_matrix(nothing).svg


@pytest.mark.parametrize(
    ("labels", "p", "why"),
    [
        ([], [], "the test split is empty"),
        ([0, 0], [0.1, 0.2], "there is no elliptical galaxy in the test split"),
        ([1, 1], [0.1, 0.2], "there is no spiral galaxy in the test split"),
        ([0, 1], [np.nan, 0.2], "1 test galaxy has no finite probability"),
        ([0, 1], [np.nan, np.nan], "2 test galaxies have no finite probability"),
    ],
)
def test_curves_that_cannot_be_say_why(labels, p, why):
    labels, p = np.array(labels, int), np.array(p, float)
    test = scored_numbers(labels, p)
    for plot in (
        draw_roc(labels, p, test, INTERVAL),
        draw_precision_recall(labels, p, test),
        draw_thresholds(labels, p, INTERVAL),
    ):
        assert not plot.svg and not plot.png and why in plot.text


def test_equal_probabilities_are_drawn_and_told():
    labels, p = np.array([0, 1] * 20), np.full(40, 0.5)
    plot = draw_roc(labels, p, scored_numbers(labels, p), INTERVAL)
    assert plot.svg and "All probabilities are equal" in plot.text


def calibration(curve, **changes):
    part = {"ece": 0.1, "loss": 0.2, "curve": curve}
    return {"without": part, "with": None, "temperature": None, "exported": False, **changes}


def test_calibration_tells_overconfidence_from_underconfidence():
    def conclusion(mean_p, share):
        return draw_calibration(calibration([{"mean_p": mean_p, "share": share, "n": 400}]), (0.0, 0.2)).text

    assert "overconfident" in conclusion(0.9, 0.7)
    assert "overconfident" in conclusion(0.1, 0.3)
    assert "underconfident" in conclusion(0.7, 0.9)
    assert "None of 1 bin" in conclusion(0.7, 0.71) and "confident" not in conclusion(0.7, 0.71)
    assert not draw_calibration(calibration([]), None).svg


def curves_of(validation):
    return {"loss": [0.5] * len(validation), "val_loss": validation}


@pytest.mark.parametrize(
    ("validation", "best", "conclusion"),
    [
        ([0.5, 0.4, 0.3], 3, "more epochs"),
        ([0.5, 0.3], 2, "more epochs"),
        ([0.3, 0.297, None, 0.289], 4, "more epochs"),
        ([0.3, 0.2, 0.1985, 0.197], 4, "levelled off"),
        ([0.2597, 0.1607, 0.1571, 0.1457, 0.1456, 0.1454], 6, "levelled off"),
        ([float("nan"), 0.3], 2, "levelled off"),
        ([0.5, 0.3, 0.31], 2, "levelled off"),
        ([0.5, 0.3, 0.6], 2, "overfits"),
        ([None, 0.3, float("nan")], 2, "levelled off"),
        ([0.3], 1, "epoch 1 of 1."),
    ],
)
def test_learning_curves_are_concluded_from(validation, best, conclusion):
    assert best_epoch(curves_of(validation)) == best
    text = draw_training("network", curves_of(validation)).text
    assert conclusion in text and f"epoch {best} of {len(validation)}" in text
    assert sum(word in text for word in ("more epochs", "levelled off", "overfits", "of 1.")) == 1


def test_a_training_without_validation_has_no_best_epoch():
    assert best_epoch({"loss": [1.0]}) is None
    assert "no validation loss" in draw_training("head", {"loss": [1.0, 0.5]}).text
    assert draw_training("head", {}) is None and draw_training("head", {"loss": [None]}) is None


def test_folds_that_were_trained_are_drawn():
    text = draw_fold_training(history()["folds"]).text
    assert text.startswith("Validation loss") and "between 0.146 and 0.186." in text
    assert draw_fold_training([]) is None
    assert draw_fold_training([{"fold": 0, "head": {}, "network": {}}]) is None


def test_the_training_loss_of_a_fold_is_no_judgement_of_its_galaxies():
    folds = [{"fold": fold, "head": {"loss": [0.7, 0.6 + fold / 100]}, "network": {}} for fold in range(3)]
    text = draw_fold_training(folds).text
    assert text.startswith("Training loss") and "held-out" in text
    assert "between 0.600 and 0.620." in text and "hard" not in text


def test_folds_are_judged_by_their_numbers_of_galaxies():
    def summary(*accuracies):
        folds = [{"fold": number, "accuracy": each, "n": 400} for number, each in enumerate(accuracies)]
        spread = float(np.std(accuracies, ddof=1)) if len(accuracies) > 1 else None
        return {"folds": folds, "accuracy_mean": float(np.mean(accuracies)), "accuracy_std": spread}

    assert "No fold stands out" in draw_folds(summary(0.95, 0.96, 0.94)).text
    assert "harder than others" in draw_folds(summary(0.95, 0.96, 0.75)).text
    assert "no standard deviation" in draw_folds(summary(0.95)).text
    assert "no mean" in draw_folds(summary(0.95, 0.96) | {"accuracy_mean": None}).text
    assert not draw_folds(None).svg
    assert draw_folds(run_content(galaxies(500))["cross_validation"]).svg


def groups(*accuracies, chance):
    entries = [
        {"title": f"{number} to {number + 1}", "n": 100, "accuracy": each, "interval": (each - 0.05, 1.0)}
        for number, each in enumerate(accuracies)
    ]
    return {"title": "magnitude [mag]", "groups": entries, "chance": chance}


def test_groups_are_judged_by_their_chance():
    assert (
        "groups differ significantly" in draw_groups("magnitude", groups(0.99, 0.7, chance=0.001), 0.9).text
    )
    assert "do not differ" in draw_groups("magnitude", groups(0.95, 0.94, chance=0.4), 0.9).text
    assert "same accuracy" in draw_groups("magnitude", groups(1.0, 1.0, chance=None), 1.0).text
    alone = draw_groups("magnitude", groups(0.9, chance=None), 0.9)
    assert not alone.svg and "No groups by" in alone.text


def test_nodes_name_the_longest_and_the_largest():
    text = draw_nodes(nodes()).text
    assert "of it in Trainer" in text and "highest in Trainer: 1.8 GiB" in text
    assert "one process" in text and "1 of 3 nodes had a cache hit" in text
    assert not draw_nodes([]).svg and draw_nodes([]).text.endswith("not known: nodes.json lists none.")
    assert draw_nodes([], "nodes.json is damaged.").text.endswith("not known: nodes.json is damaged.")
    assert "memory" not in draw_nodes([{"node": "A", "state": "done", "seconds": 1.0}]).text
    assert draw_nodes([{"node": "A", "state": "done", "seconds": None}]).svg


def uncertain_text(called, n, test_called, test_n, not_finite=0):
    """The text on n galaxies labelled uncertain of which some are called so, beside the test split."""
    test_p = np.repeat([0.5, 0.1, np.nan], [test_called, test_n - test_called - not_finite, not_finite])
    fixed = interval_scores(np.zeros(test_n), test_p, *INTERVAL)
    numbers = {
        "uncertain": {
            "fraction_uncertain": called / n,
            "n": n,
            "interval": wilson(called, n),
            "not_finite": 0,
        },
        "decision": {"fixed": {"low": 0.25, "high": 0.75, "test": fixed}, "chosen": None},
        "test": {"n": test_n, "not_finite": not_finite},
    }
    p = np.repeat([0.5, 0.1], [called, n - called])
    rows = table(np.full(n, -1), p, "uncertain")
    return draw_probabilities(rows, "uncertain", numbers).text.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("counts", "facts"),
    [
        ((64, 725, 10, 193), ("not significant", "p = 0.10")),
        ((120, 725, 10, 193), ("significantly more often", "p < 0.001", "most of them spiral or elliptical")),
        ((600, 725, 10, 193), ("significantly more often", "p < 0.001")),
        ((20, 200, 91, 200), ("significantly less often", "p < 0.001")),
        ((5, 100, 5, 100), ("against 5.0 % of 100 test galaxies", "not significant")),
        ((20, 200, 0, 200, 91), ("against 0.0 % of 109 test galaxies", "significantly more often")),
        ((20, 200, 0, 5, 5), ("10.0 % (95 % interval 6.6 % to 14.9 %) of them uncertain.",)),
    ],
)
def test_galaxies_labelled_uncertain_are_compared_with_test_galaxies(counts, facts):
    text = uncertain_text(*counts)
    for fact in facts:
        assert fact in text
    called, n, *_ = counts
    assert ("most of them" in text) == ("significantly more" in text and called < n / 2)


def test_counts_are_whole_numbers_on_their_axis():
    with drawing("few") as drawn:
        axes = drawn.axes()
        steps(axes, np.array([0.1, 0.1, 0.5]), np.linspace(0, 1, 5), "spiral")
        ticks = axes.get_yticks()
    assert (ticks == ticks.round()).all() and len(set(ticks)) == len(ticks)
