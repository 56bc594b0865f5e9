"""How many labels are suspected, whether that means anything, and how to leave them out."""

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
        ``n``, the number of galaxies; ``issues``, of how many the label is taken for wrong; ``auc_interval``,
        of the folds' AUC, None where it is not known; ``meaningful``, whether that lies above one half:
        folds that guess contradict right labels as often as wrong ones.
    """
    interval = (pooled or {"intervals": {}})["intervals"].get("auc")
    return {
        "n": len(suspects),
        "issues": sum(suspect.is_issue for suspect in suspects),
        "auc_interval": interval,
        "meaningful": interval is not None and interval[0] > 0.5,
    }


def doubt_text(numbers: Mapping[str, Any]) -> str:
    """Say why suspect labels mean nothing; empty where they do mean something.

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
        reason = "Whether the folds can tell the classes apart is not known: they have no AUC."
    else:
        ends = " to ".join(map(format_measure, numbers["auc_interval"]))
        where = f"the 95 % interval of their AUC, {ends}, does not lie above one half"
        reason = f"The folds cannot tell the classes apart: {where}."
    return f"{reason} Which labels they contradict means nothing."


def card_text(doubted: Mapping[str, Any] | None, why_no_out_of_fold: str) -> str:
    """Say on the model card how many labels are suspected.

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
        return f"Nothing is known of wrong labels: {why}"
    if doubt := doubt_text(doubted):
        return doubt
    verb = "is" if doubted["issues"] == 1 else "are"
    return (
        f"{share_of(doubted['issues'], doubted['n'], 'labels of the cross-validation')} {verb} probably wrong"
        " (confident learning). No accuracy measured against such labels can be much better than they are."
    )


def exclusion(configuration: str) -> str:
    """Return the lines of a configuration that leave the suspects of a run out.

    Parameters
    ----------
    configuration : str
        The text of the run's ``config.toml``; may be empty.

    Returns
    -------
    str
        With the path that the run has written them to; empty where that is not known. It is that of the
        configuration, not of the folder that is read: the same files give the same report wherever they lie.
    """
    try:
        root = tomllib.loads(configuration)["pipeline"]["root"]
        path = PurePath(root, REPORT, SUSPECTS_FILE)
    except (tomllib.TOMLDecodeError, KeyError, TypeError):
        return ""
    return tomli_w.dumps({"data": {"exclude": str(path)}}) if path.is_absolute() else ""
