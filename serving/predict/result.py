"""The files of a finished prediction: table, rejects and summary."""

import csv
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from evaluation.formats.catalogue import flag_names
from preprocessing.features import CLASS_NAMES
from preprocessing.whole_files import replacing, write_whole
from serving.predict.errors import PredictError
from serving.predict.journal import SUFFIX, Journal
from serving.predict.objects import Objects
from serving.predict.outcomes import Prediction, Reject
from serving.predict.tables import Row, stem_of, table_format, write_table

REJECT_COLUMNS = ("name", "file", "reason", "message")


@dataclass(frozen=True)
class Places:
    """The files of a prediction.

    Attributes
    ----------
    table : Path
        As the user names it.
    """

    table: Path

    @property
    def rejects(self) -> Path:
        """The table of rejects."""
        return self._beside("rejects.csv")

    @property
    def summary(self) -> Path:
        """Counts, times and the model."""
        return self._beside("summary.json")

    @property
    def journal(self) -> Path:
        """What was classified so far, while the command runs."""
        return self.table.with_name(self.table.name + SUFFIX)

    def _beside(self, ending: str) -> Path:
        return self.table.with_name(f"{stem_of(self.table)}.{ending}")

    def check_free(self) -> None:
        """Raise `PredictError` if the table, or another one with the same rejects, is there already."""
        if self.table.exists() or self.table.is_symlink():
            raise PredictError(f"{self.table} exists already; --overwrite replaces it")
        try:
            other = json.loads(self.summary.read_text(encoding="utf-8")).get("table")
        except (OSError, ValueError, AttributeError):
            return
        if other and other != self.table.name and (self.table.parent / str(other)).exists():
            raise PredictError(
                f"{self.summary} is that of {other}; choose another name for --out, or replace it by"
                " --overwrite"
            )

    def clear(self) -> None:
        """Remove the files of an earlier prediction."""
        for path in (self.table, self.rejects, self.summary, self.journal):
            path.unlink(missing_ok=True)


@dataclass
class Summary:
    """Counts of a prediction, as in ``summary.json``.

    Attributes
    ----------
    rows, classified, rejects : int
        ``rows`` is the sum of the others.
    classes, reasons, flags : dict of str to int
        Classified objects by class, rejects by reason, and objects by flag.
    seconds : float
        Time of the command that finished it [s].
    model : dict
        Where it is, and its versions with the number of rows of each.
    table : str
        Name of the table.
    """

    rows: int
    classified: int
    rejects: int
    classes: dict[str, int]
    reasons: dict[str, int]
    flags: dict[str, int]
    seconds: float
    model: dict[str, Any]
    table: str = ""
    has_distance: bool = field(default=False, repr=False)


def count(journal: Journal, model: dict[str, Any], seconds: float) -> Summary:
    """Return the counts of what a journal holds."""
    classes: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    flags: Counter[int] = Counter()
    versions: Counter[str] = Counter()
    distance = False
    for result in journal.outcomes():
        if isinstance(result, Reject):
            reasons[result.reason] += 1
        else:
            classes[result.morphology] += 1
            flags[result.flags] += 1
            versions[result.model_version] += 1
            distance |= result.novelty_distance is not None
    return Summary(
        rows=journal.done,
        classified=classes.total(),
        rejects=reasons.total(),
        classes={name: classes[name] for name in CLASS_NAMES.values()},
        reasons=dict(reasons.most_common()),
        flags=flag_names(flags.elements()),
        seconds=round(seconds, 3),
        model=model | {"versions": dict(versions)},
        has_distance=distance,
    )


def write_result(
    places: Places, objects: Objects, journal: Journal, summary: Summary, notes: Sequence[str]
) -> None:
    """Write table, rejects and summary from a complete journal, and remove the journal.

    The table is written last, under a temporary name, and renamed. Without a classified object there is none.

    Raises
    ------
    PredictError
        If a file cannot be written; the journal is kept.
    """
    assert journal.done == len(objects)
    try:
        with replacing(places.rejects) as part, open(part, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(REJECT_COLUMNS)
            for row, result in enumerate(journal.outcomes()):
                if isinstance(result, Reject):
                    writer.writerow((objects.names[row], result.file, result.reason, result.message))
        summary.table = places.table.name if summary.classified else ""
        content = {name: value for name, value in asdict(summary).items() if name != "has_distance"}
        write_whole(places.summary, json.dumps(content, indent=2) + "\n")
        if summary.classified:
            with replacing(places.table) as part:
                write_table(
                    part,
                    table_format(places.table),
                    lambda: _rows(objects, journal),
                    with_distance=summary.has_distance,
                    notes=notes,
                )
    except OSError as error:
        where = error.filename or places.table
        raise PredictError(f"{where} cannot be written: {error.strerror or error}") from error
    journal.remove()


def _rows(objects: Objects, journal: Journal) -> Iterator[Row]:
    for row, result in enumerate(journal.outcomes()):
        if isinstance(result, Prediction):
            yield (
                objects.names[row],
                *objects.position(row),
                result.p_elliptical,
                result.p_spiral,
                result.morphology,
                result.flags,
                result.model_version,
                result.novelty,
                result.novelty_distance,
            )
