"""The quality gate: whether a model may be published, judged by its table of predictions."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from evaluation.formats.predictions import Predictions
from evaluation.score_intervals import score_intervals
from evaluation.scores import LEAST_SPREAD, classification_scores, log_odds
from evaluation.settings import GateSettings
from preprocessing.features import CLASS_NAMES, ELLIPTICAL, SPIRAL, TEST

NAMED = 10
"""Largest number of galaxies without a probability that a reason lists."""


@dataclass(frozen=True)
class Metric:
    """A score that the gate bounds from below.

    Attributes
    ----------
    score : str
        Key of `evaluation.scores.classification_scores`.
    setting : str
        Field of `GateSettings`.
    title : str
        Name in messages.
    """

    score: str
    setting: str
    title: str


METRICS = (Metric("accuracy", "min_accuracy", "accuracy"), Metric("auc", "min_auc", "AUC"))


@dataclass(frozen=True)
class Verdict:
    """Verdict of the gate on a model.

    Attributes
    ----------
    blessed : bool
        Whether the model may be published.
    reasons : list of str
        Why not: one sentence for each condition that is not met, with the numbers.
    accuracy, auc : float or None
        Scores on the test split; None if not defined.
    n : int
        Number of test galaxies.
    nothing_shown : int
        Number of test galaxies that are not evaluated because their flux is constant or missing.
    published : dict or None
        ``accuracy``, ``auc`` and ``n`` of the published model on the same galaxies; None without one.
    """

    blessed: bool
    reasons: list[str]
    accuracy: float | None
    auc: float | None
    n: int
    nothing_shown: int
    published: dict[str, Any] | None = field(default=None)

    def dump(self) -> dict[str, Any]:
        """Return the verdict as a dictionary for JSON."""
        return asdict(self)


def judge(candidate: Predictions, published: Predictions | None, gate: GateSettings) -> Verdict:
    """Judge a model by its predictions.

    Parameters
    ----------
    candidate : Predictions
        Predictions for all splits. Galaxies with constant or missing flux are not evaluated.
    published : Predictions or None
        Predictions of the published model for the test split; None or an empty table if there is no
        published model.
    gate : GateSettings

    Returns
    -------
    Verdict

    Notes
    -----
    A model is refused if

    1. a galaxy of any split, other than those with constant or missing flux, has no finite probability;
    2. the test split has fewer than `GateSettings.min_galaxies` galaxies of a class;
    3. the log-odds of the probabilities of the test split span less than `evaluation.scores.LEAST_SPREAD`;
    4. one of `METRICS` is below its bound. With ``by = "lower_bound"`` the lower end of the metric's 95 %
       interval must reach the bound (`evaluation.score_intervals`);
    5. its accuracy is more than `GateSettings.max_accuracy_drop` below that of the published model on the
       same galaxies. This compares values for every `GateSettings.by`, because the two errors are not
       independent.
    """
    labels, p = candidate.scored(TEST)
    scores = classification_scores(labels, p)
    rows = candidate.rows(TEST)
    theirs = _published_scores(candidate, rows, published)
    reasons = [
        *_unanswered(candidate),
        *_too_few(labels, gate.min_galaxies),
        *_without_spread(p),
        *_below_bounds(labels, p, scores, gate),
        *_worse(scores, theirs, len(rows), gate),
    ]
    return Verdict(
        blessed=not reasons,
        reasons=reasons,
        accuracy=scores["accuracy"],
        auc=scores["auc"],
        n=len(rows),
        nothing_shown=candidate.nothing_shown(TEST),
        published=theirs,
    )


def _unanswered(candidate: Predictions) -> Iterator[str]:
    rows = np.flatnonzero(~np.isfinite(candidate.p_elliptical) & candidate.shown)
    if not len(candidate):
        yield "there are no predictions"
    if len(rows):
        names = [candidate.names[int(row)].as_py() for row in rows[:NAMED]]
        more = ", ..." if len(rows) > NAMED else ""
        yield (
            f"p_elliptical is not a number for {len(rows)} of {len(candidate)} galaxies"
            f" ({', '.join(names)}{more})"
        )


def _too_few(labels: np.ndarray, least: int) -> Iterator[str]:
    for label in (SPIRAL, ELLIPTICAL):
        count = int((labels == label).sum())
        if count < least:
            galaxies = f"{CLASS_NAMES[label]} {'galaxy' if count == 1 else 'galaxies'}"
            yield f"the test split has {count} {galaxies}, must have at least {least} (min_galaxies)"


def _without_spread(p: np.ndarray) -> Iterator[str]:
    if len(p) > 1 and np.isfinite(p).all() and np.ptp(log_odds(p)) < LEAST_SPREAD:
        yield (
            f"the probabilities of the {len(p)} test galaxies lie between {p.min():.6f} and {p.max():.6f}:"
            " the model does not separate spirals from ellipticals"
        )


def _below_bounds(
    labels: np.ndarray, p: np.ndarray, scores: dict[str, Any], gate: GateSettings
) -> Iterator[str]:
    intervals = score_intervals(labels, p) if gate.by == "lower_bound" and len(labels) else {}
    for metric in METRICS:
        value, bound = scores[metric.score], getattr(gate, metric.setting)
        interval = intervals.get(metric.score)
        if value is None or (gate.by == "lower_bound" and interval is None):
            yield f"{metric.title} could not be computed, must be at least {bound:g}"
        elif interval is not None and interval.low < bound:
            yield (
                f"{metric.title} is {value:.4f}, the lower end of its 95 % interval {interval.low:.4f}, which"
                f" must be at least {bound:g}"
            )
        elif value < bound:
            yield f"{metric.title} is {value:.4f}, must be at least {bound:g}"


def _published_scores(
    candidate: Predictions, rows: Sequence[int] | np.ndarray, published: Predictions | None
) -> dict[str, Any] | None:
    if published is None or not len(published):
        return None
    names = [candidate.names[int(row)].as_py() for row in rows]
    found = published.find(names)
    here = [place for place, name in enumerate(names) if name in found]
    labels = candidate.labels[np.asarray(rows, int)[here]]
    scores = classification_scores(labels, published.p_elliptical[[found[names[place]] for place in here]])
    return {key: scores[key] for key in ("accuracy", "auc", "n")}


def _worse(
    scores: dict[str, Any], theirs: dict[str, Any] | None, n: int, gate: GateSettings
) -> Iterator[str]:
    if theirs is None:
        return
    if theirs["n"] < n or scores["accuracy"] is None or theirs["accuracy"] is None:
        yield (
            "accuracy could not be compared with that of the published model, which has predictions for"
            f" {theirs['n']} of the {n} test galaxies"
        )
        return
    drop = theirs["accuracy"] - scores["accuracy"]
    # The tolerance absorbs rounding; it is far smaller than the step of one galaxy.
    if drop > gate.max_accuracy_drop + 1e-9:
        yield (
            f"accuracy is {scores['accuracy']:.4f}, which is {drop:.4f} below the published model's"
            f" {theirs['accuracy']:.4f}, allowed {gate.max_accuracy_drop:g}"
        )
