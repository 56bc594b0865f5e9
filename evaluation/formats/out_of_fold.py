"""``out_of_fold.csv``: the out-of-fold prediction of each galaxy."""

import csv
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypeVar

from evaluation.comparison import Score

SCORES_FILE = "out_of_fold.csv"
COLUMNS = ("name", "label", "fold", "p_elliptical")

Number = TypeVar("Number", int, float)


@dataclass(frozen=True)
class OutOfFold:
    """The rows of ``out_of_fold.csv``, column by column.

    Attributes
    ----------
    names : list of str
    labels : list of int
        0 spiral, 1 elliptical.
    folds : list of int
    p_elliptical : list of float
        May be NaN.
    """

    names: list[str]
    labels: list[int]
    folds: list[int]
    p_elliptical: list[float]

    def __len__(self) -> int:
        return len(self.names)

    @classmethod
    def joined(cls, parts: Iterable["OutOfFold"]) -> "OutOfFold":
        """Return the rows of several tables, one after another."""
        parts = list(parts)
        return cls(*([entry for part in parts for entry in vars(part)[field.name]] for field in fields(cls)))

    def by_name(self) -> dict[str, Score]:
        """Return the score of each galaxy."""
        rows = zip(self.names, self.labels, self.p_elliptical, strict=True)
        return {name: Score(label, p) for name, label, p in rows}


def write_scores(path: Path, scores: OutOfFold) -> None:
    """Write ``out_of_fold.csv``, with nine significant digits, which represent a float32 exactly.

    Parameters
    ----------
    path : Path
    scores : OutOfFold
    """
    with open(path, "w", newline="", encoding="utf-8") as table:
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(COLUMNS)
        rows = zip(scores.names, scores.labels, scores.folds, scores.p_elliptical, strict=True)
        writer.writerows((name, label, fold, f"{p:.9g}") for name, label, fold, p in rows)


def read_scores(path: Path) -> OutOfFold:
    """Read ``out_of_fold.csv``.

    Parameters
    ----------
    path : Path

    Returns
    -------
    OutOfFold
        In the order of the file.

    Raises
    ------
    ValueError
        If a column is missing, a value is not a number, or a name occurs twice; the message states the line.
    """
    try:
        with open(path, newline="", encoding="utf-8") as table:
            return _read(csv.DictReader(table))
    except (ValueError, csv.Error) as error:
        raise ValueError(f"{path}: {error}") from error


def _read(reader: csv.DictReader) -> OutOfFold:
    absent = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
    if absent:
        raise ValueError(f"there is no column {absent[0]}")
    scores, known = OutOfFold([], [], [], []), set()
    for row in reader:
        try:
            name, label, fold, p_elliptical = _values(row)
            if name in known:
                raise ValueError(f"{name} stands there twice")
        except ValueError as error:
            raise ValueError(f"line {reader.line_num}: {error}") from error
        known.add(name)
        scores.names.append(name)
        scores.labels.append(label)
        scores.folds.append(fold)
        scores.p_elliptical.append(p_elliptical)
    return scores


def _values(row: Mapping[str, str | None]) -> tuple[str, int, int, float]:
    name = row["name"] or ""
    label = _number(row, "label", int)
    fold = _number(row, "fold", int)
    p_elliptical = _number(row, "p_elliptical", float)
    if label not in (0, 1):
        raise ValueError(f"label of {name} is {label}")
    if not (0 <= p_elliptical <= 1 or math.isnan(p_elliptical)):
        raise ValueError(f"p_elliptical of {name} is {p_elliptical}")
    return name, label, fold, p_elliptical


def _number(row: Mapping[str, str | None], column: str, kind: Callable[[str], Number]) -> Number:
    text = row[column]
    if not text:
        raise ValueError(f"there is no {column}")
    try:
        return kind(text)
    except ValueError:
        wanted = "whole number" if kind is int else "number"
        raise ValueError(f"{column} is {text!r:.40}, which is no {wanted}") from None
