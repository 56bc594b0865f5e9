"""What a person should know before the run, in sentences."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from preprocessing.data_settings import DataSettings
from preprocessing.features import TEST
from preprocessing.labels.reading import LabelTable
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
    """One thing that a person should know.

    Attributes
    ----------
    kind : str
        ``"stop"``: a run would not start or not get far; ``"warning"``: it would, but look at this first;
        ``"note"``.
    text : str
        What was found.
    remedy : str
        What to do about it; may be empty.
    """

    kind: Kind
    text: str
    remedy: str = ""


def table_findings(table: LabelTable, division: Division, data: DataSettings) -> list[Finding]:
    """Judge table, rejects and splits.

    Parameters
    ----------
    table : LabelTable
    division : Division
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
        text = f"{share:.0%} of the rows cannot be used, most often for {first} ({count})."
        findings.append(Finding("warning", text, "rejects.csv names the file and the cause of each."))
    if conflicts := reasons["label_conflict"]:
        rows = count_of(conflicts, "row contradicts", "rows contradict")
        text = f"{rows} another row of the same galaxy; none of them is used."
        findings.append(Finding("warning", text, "Decide in the table which label is right."))
    tests = sum(split == TEST for split, _ in division.splits_and_classes)
    error = np.sqrt(_EXPECTED_ACCURACY * (1 - _EXPECTED_ACCURACY) / max(tests, 1))
    if tests and error > _COARSE:
        text = (
            f"The test split has {count_of(tests, 'galaxy', 'galaxies')}: an accuracy of {_EXPECTED_ACCURACY}"
            f" would have a standard error of {error:.3f}."
        )
        findings.append(Finding("note", text, "A larger [split] test makes the gate less a matter of luck."))
    return findings


def stamp_findings(
    survey: Survey, side: int, without_files: Sequence[str], example: str, data: DataSettings
) -> list[Finding]:
    """Judge files and sizes.

    Parameters
    ----------
    survey : Survey
    side : int
        Side of the kept square [pixels].
    without_files : sequence of str
        Bands of which no object has a file.
    example : str
        Name of an object.
    data : DataSettings

    Returns
    -------
    list of Finding
    """
    findings = []
    if without_files:
        looked = data.stamps.replace("{band}", without_files[0]).replace("{name}", example)
        barred = unreachable(Path(looked))
        bands = f"Band {without_files[0]} has" if len(without_files) == 1 else f"{_and(without_files)} have"
        text = sentence(barred) if barred else f"{bands} no files (looked for {looked} and the like)."
        findings.append(Finding("stop", text, "Mend [data] stamps, or choose other bands in [image] rgb."))
    large_enough = survey.large_enough(side)
    if large_enough < _MOST * survey.sized:
        kind: Kind = "warning" if large_enough else "stop"
        text = (
            f"{large_enough:,} of {count_of(survey.sized, 'object')} have stamps of {side} x {side} pixels."
        )
        remedy = f"{_fitting(survey)} pixels would fit {_MOST:.0%} of them: [image] cut, [data] stamp_size."
        findings.append(Finding(kind, text, remedy))
    return findings


def _and(bands: Sequence[str]) -> str:
    return f"Bands {', '.join(bands[:-1])} and {bands[-1]}"


def _fitting(survey: Survey) -> int:
    """Return the largest side that most objects have."""
    return max(side for side in survey.smallest if survey.large_enough(side) >= _MOST * survey.sized)


def sentence(text: str) -> str:
    """Return a text with a capital letter and a full stop."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
