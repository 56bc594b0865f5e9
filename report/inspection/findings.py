"""Findings on label table, splits and stamp files."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from preprocessing.data_settings import DataSettings
from preprocessing.features import TEST
from preprocessing.labels.reading import LabelTable
from preprocessing.locations import is_uri
from preprocessing.paths import unreachable
from preprocessing.rows.division import Division
from report.html.formats import count_of
from report.inspection.survey import Survey

_MOST = 0.9
_MANY_REJECTS = 0.1
_EXPECTED_ACCURACY = 0.95
_COARSE = 0.02  # standard error of the accuracy


Kind = Literal["stop", "warning", "note"]


@dataclass(frozen=True)
class Finding:
    """A finding of the inspection.

    Attributes
    ----------
    kind : str
        ``"stop"``: a run would not start or would fail early; ``"warning"``: check this before a run;
        ``"note"``.
    text : str
        The finding.
    remedy : str
        Suggested action; may be empty.
    """

    kind: Kind
    text: str
    remedy: str = ""


def table_findings(
    table: LabelTable, division: Division, min_galaxies: int, data: DataSettings
) -> list[Finding]:
    """Check table, rejects and splits.

    Parameters
    ----------
    table : LabelTable
    division : Division
    min_galaxies : int
        Least number of test galaxies of each class with which the gate publishes a model.
    data : DataSettings

    Returns
    -------
    list of Finding
    """
    findings = []
    if missing := division.missing_class():
        findings.append(Finding("stop", sentence(missing)))
    findings += [Finding("note", sentence(note)) for note in table.notes]
    reasons = Counter(reject.reason for reject in division.rejects)
    share = len(division.rejects) / max(division.rows, 1)
    if share > _MANY_REJECTS:
        first, count = reasons.most_common(1)[0]
        text = f"{share:.0%} of the rows cannot be used. The most frequent reason is {first} ({count})."
        findings.append(Finding("warning", text, "rejects.csv lists the file and the reason of each."))
    if conflicts := reasons["label_conflict"]:
        rows = count_of(conflicts, "row contradicts", "rows contradict")
        text = f"{rows} another row of the same galaxy; none of these rows is used."
        findings.append(Finding("warning", text, "Correct the labels in the table."))
    tested = Counter(name for split, name in division.splits_and_classes if split == TEST)
    for name, count in tested.items():
        if count < min_galaxies:
            text = (
                f"The test split has {count_of(count, f'{name} galaxy', f'{name} galaxies')}, and the gate"
                f" publishes no model with fewer than {min_galaxies} ([gate] min_galaxies)."
            )
            findings.append(Finding("warning", text, "Raise [split] test, or add galaxies to the table."))
    tests = tested.total()
    error = np.sqrt(_EXPECTED_ACCURACY * (1 - _EXPECTED_ACCURACY) / max(tests, 1))
    if tests and error > _COARSE:
        text = (
            f"The test split has {count_of(tests, 'galaxy', 'galaxies')}: an accuracy of {_EXPECTED_ACCURACY}"
            f" would have a standard error of {error:.3f}."
        )
        findings.append(Finding("note", text, "A larger [split] test makes the gate more reliable."))
    return findings


def stamp_findings(
    survey: Survey, side: int, without_files: Sequence[str], example: str, data: DataSettings
) -> list[Finding]:
    """Check stamp files and sizes.

    Parameters
    ----------
    survey : Survey
    side : int
        Side of the kept square [pixels].
    without_files : sequence of str
        Bands for which no object has a file.
    example : str
        Name of an object, to show a path as an example.
    data : DataSettings

    Returns
    -------
    list of Finding
    """
    findings = []
    if without_files:
        looked = data.stamps.replace("{band}", without_files[0]).replace("{name}", example)
        barred = "" if is_uri(looked) else unreachable(Path(looked))
        bands = f"Band {without_files[0]} has" if len(without_files) == 1 else f"{_and(without_files)} have"
        text = sentence(barred) if barred else f"{bands} no files (for example, {looked} does not exist)."
        findings.append(Finding("stop", text, "Correct [data] stamps, or choose other bands in [image] rgb."))
    large_enough = survey.large_enough(side)
    if large_enough < _MOST * survey.sized:
        kind: Kind = "warning" if large_enough else "stop"
        text = (
            f"{large_enough:,} of {count_of(survey.sized, 'object')} have stamps of at least {side} x {side}"
            " pixels."
        )
        remedy = (
            f"{_fitting(survey)} pixels would suit {_MOST:.0%} of them: set [image] cut or [data] stamp_size."
        )
        findings.append(Finding(kind, text, remedy))
    return findings


def _and(bands: Sequence[str]) -> str:
    return f"Bands {', '.join(bands[:-1])} and {bands[-1]}"


def _fitting(survey: Survey) -> int:
    """Return the largest side for which the stamps of most objects are large enough."""
    return max(side for side in survey.smallest if survey.large_enough(side) >= _MOST * survey.sized)


def sentence(text: str) -> str:
    """Return a text as a sentence, with a capital letter and a full stop."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
