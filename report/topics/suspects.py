"""Suspect labels: how many there are, whether the result is meaningful, and how to exclude them."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

import tomli_w

from evaluation.suspects import SUSPECTS_FILE, Suspect
from report.evidence.folders import REPORT
from report.html.formats import format_measure
from report.topics.words import share_of


def suspect_numbers(suspects: Sequence[Suspect], pooled: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the numbers of the suspect labels.

    Parameters
    ----------
    suspects : sequence of Suspect
        See `evaluation.suspects.suspect_labels`.
    pooled : mapping or None
        The scores of all galaxies of the folds (`report.topics.numbers.scored_numbers`), where there are any.

    Returns
    -------
    dict
        ``n``, the number of galaxies; ``issues``, the number of labels that are probably wrong;
        ``auc_interval``, confidence interval of the out-of-fold AUC, None if it is not known;
        ``meaningful``, whether that interval lies above 0.5: folds that guess contradict right labels as
        often as wrong ones.
    """
    interval = (pooled or {"intervals": {}})["intervals"].get("auc")
    return {
        "n": len(suspects),
        "issues": sum(suspect.is_issue for suspect in suspects),
        "auc_interval": interval,
        "meaningful": interval is not None and interval[0] > 0.5,
    }


def doubt_text(numbers: Mapping[str, Any]) -> str:
    """Say why the suspect labels are not meaningful; empty if they are.

    Parameters
    ----------
    numbers : mapping
        See `suspect_numbers`.

    Returns
    -------
    str
        Sentences.
    """
    if numbers["meaningful"]:
        return ""
    if numbers["auc_interval"] is None:
        reason = (
            "The out-of-fold AUC is not known, so it is not known whether the folds separate the classes."
        )
    else:
        ends = " to ".join(map(format_measure, numbers["auc_interval"]))
        where = f"the 95 % interval of the out-of-fold AUC, {ends}, is not above 0.5"
        reason = f"The folds do not separate the classes: {where}."
    return f"{reason} Their disagreement with a label says nothing about the label."


def card_text(doubted: Mapping[str, Any] | None, why_no_out_of_fold: str) -> str:
    """Say on the model card how many labels are suspect.

    Parameters
    ----------
    doubted : mapping or None
        See `suspect_numbers`.
    why_no_out_of_fold : str
        See `report.evidence.reading.Evidence`.

    Returns
    -------
    str
    """
    if not doubted or not doubted["n"]:
        why = why_no_out_of_fold or "no out-of-fold prediction is a finite probability."
        return f"Labels were not checked: {why}"
    if doubt := doubt_text(doubted):
        return doubt
    verb = "is" if doubted["issues"] == 1 else "are"
    return (
        f"{share_of(doubted['issues'], doubted['n'], 'labels of the cross-validation')} {verb} probably wrong"
        " (confident learning). Wrong labels limit the accuracy that can be measured."
    )


def exclusion(configuration: str) -> str:
    """Return the lines of a configuration that exclude the suspects of a run.

    Parameters
    ----------
    configuration : str
        The text of the run's ``config.toml``; may be empty.

    Returns
    -------
    str
        With the path to which the run wrote them; empty if it is not known. The path is derived from the
        configuration, not from the folder that is read: the same files give the same report in any folder.
    """
    try:
        root = tomllib.loads(configuration)["pipeline"]["root"]
        path = PurePath(root, REPORT, SUSPECTS_FILE)
    except (tomllib.TOMLDecodeError, KeyError, TypeError):
        return ""
    return tomli_w.dumps({"data": {"exclude": str(path)}}) if path.is_absolute() else ""
