"""Metrics of the model card: rows of tables, and notes."""

from collections.abc import Iterator, Mapping
from typing import Any

from preprocessing.features import TEST
from report.card.settings import gate_conditions, learned_from_validation
from report.html.formats import UNKNOWN, count_of, format_count, format_measure
from report.topics import calibration, decision, serving
from report.topics.headlines import headlines
from report.topics.remarks import remarks

_FOLDS = {"accuracy": "accuracy", "auc": "AUC", "loss": "log loss"}
_PHASES = {"head": "only the classifier head, on features of the frozen backbone", "all": "the whole network"}


def metric_rows(numbers: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """Return the headline numbers: title, value, 95 % interval, galaxies."""
    return [
        (
            one.title,
            format_measure(one.value),
            interval_text(one.interval),
            UNKNOWN if one.n is None else format_count(one.n),
        )
        for one in headlines(numbers)
    ]


def interval_text(interval: tuple[float, float] | None) -> str:
    """Return an interval as text."""
    return UNKNOWN if interval is None else " to ".join(format_measure(end) for end in interval)


def fold_rows(summary: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """Return the scores of the folds, mean and standard deviation; empty without folds."""
    rows = []
    for key, title in _FOLDS.items() if summary else ():
        mean, spread = (summary or {}).get(f"{key}_mean"), (summary or {}).get(f"{key}_std")
        text = format_measure(mean) + ("" if spread is None else f" ± {format_measure(spread)}")
        rows.append((title, text))
    return rows


def metric_notes(numbers: Mapping[str, Any], settings: Mapping[str, Any]) -> list[str]:
    """Return notes on the headline numbers.

    Parameters
    ----------
    numbers : mapping
        See `report.topics.numbers.run_numbers`.
    settings : mapping
        The tables of the configuration.

    Returns
    -------
    list of str
        Sentences: why the numbers are not reliable, what is missing and why, gate, calibration, decision
        interval.
    """
    return [
        *(remark.text for remark in remarks(numbers) if remark.kind != "warning"),
        *_absences(numbers),
        _gate(numbers["gate"], settings),
        serving.sentence(numbers["serving"]),
        *calibration.card_text(numbers["calibration"], numbers["test"]),
        *decision.card_text(numbers["decision"]),
        *_learned_from_validation(settings),
    ]


def _absences(numbers: Mapping[str, Any]) -> Iterator[str]:
    summary = numbers["cross_validation"]
    if not summary:
        yield "There was no cross-validation, so the variation between trainings is not known."
    else:
        folds, n = len(summary.get("folds") or ()), (summary.get("pooled") or {}).get("n")
        galaxies = count_of(n, "galaxy", "galaxies") if n else "the galaxies"
        what = _PHASES.get(summary.get("phases", ""), "a model")
        yield (
            f"Cross-validation: each of {count_of(folds, 'fold')} trains {what}. It is scored on its held-out"
            f" part of {galaxies}. The standard deviation is over the folds; it is not the error of the mean."
        )
    if not numbers["holdout"]:
        yield "There is no holdout: no galaxies were left out to balance the classes."
    if not numbers["uncertain"]:
        yield "No galaxy is labelled uncertain, so nothing was measured on such galaxies."


def _gate(gate: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    asked = ", ".join(gate_conditions(settings)) or "its thresholds are not known"
    verdict = (
        "passed" if gate["blessed"] else f"refused: {'; '.join(gate.get('reasons') or ['no reason given'])}"
    )
    return f"Quality gate on the {TEST} split ({asked}): {verdict}."


def _learned_from_validation(settings: Mapping[str, Any]) -> Iterator[str]:
    if learned_from_validation(settings):
        yield (
            "This model was also trained on the validation split, so settings that were fitted on that split"
            " (temperature, decision interval) are less reliable on other galaxies."
        )
