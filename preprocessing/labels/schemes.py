"""The ways in which a table can say what a galaxy is, and which of them a table uses."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from preprocessing.data_settings import DataSettings
from preprocessing.features import ELLIPTICAL, NO_LABEL, SPIRAL
from preprocessing.labels import galaxy_zoo as gz
from preprocessing.labels.galaxy_zoo import Verdicts
from preprocessing.tables.files import Columns, TableError, TableFile

CODES = {"spiral": SPIRAL, "elliptical": ELLIPTICAL, "uncertain": NO_LABEL}
CODES |= {str(code): code for code in (SPIRAL, ELLIPTICAL, NO_LABEL)}
"""Words and codes of a column ``label``, in lower case."""


class LabelFormatError(TableError):
    """A ``label_format`` that does not exist."""

    key = "label_format"


@dataclass(frozen=True)
class Scheme:
    """One way to say what a galaxy is.

    Attributes
    ----------
    name : str
        Its ``label_format``.
    required : tuple of str
        Columns without which it says nothing, in lower case.
    optional : tuple of str
        Further columns that it heeds.
    text : str
        The one column among the required that holds texts; empty if they are all numbers.
    judge : callable
        Labels the rows.
    """

    name: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    text: str
    judge: Callable[[Columns, DataSettings], Verdicts]


def code_of(word: str) -> int | None:
    """Return the label that a word or code means; None if it means none."""
    # Tools that know only floating-point numbers write the code 1 as 1.0.
    return CODES.get(word.lower().removesuffix(".0"))


def _judge_words(columns: Columns, settings: DataSettings) -> Verdicts:
    words = columns.texts("label")
    codes = [code_of(word) for word in words]
    labels = np.array([NO_LABEL if code is None else code for code in codes])
    refused = {
        row: ("bad_label", f"label {word.lower()[:40]!r} is none of {', '.join(CODES)}")
        for row, (word, code) in enumerate(zip(words, codes, strict=True))
        if code is None
    }
    unknown = np.full(columns.rows, np.nan)
    return Verdicts(labels, unknown, unknown, refused)


def _class_scheme(column: str) -> Scheme:
    def judge(columns: Columns, settings: DataSettings) -> Verdicts:
        return gz.judge_gz2_class(columns.texts(column))

    return Scheme("gz2_class", (column,), (), column, judge)


_GZ2 = Scheme(
    "gz2",
    (gz.SMOOTH, gz.FEATURES, gz.SPIRAL_ARMS),
    (gz.STAR_OR_ARTIFACT, gz.NOT_EDGE_ON, *gz.FIRST_COUNTS, *gz.ARMS_COUNTS),
    "",
    gz.judge_gz2,
)
_GZ1_OTHERS = (gz.GZ1_UNCERTAIN, gz.GZ1_STAR, gz.GZ1_VOTES)
_GZ1 = Scheme("gz1", gz.GZ1_FRACTIONS, (*gz.GZ1_FLAGS, *_GZ1_OTHERS), "", gz.judge_gz1)
_GZ1_BY_FLAGS = Scheme("gz1", gz.GZ1_FLAGS, (*gz.GZ1_FRACTIONS, *_GZ1_OTHERS), "", gz.judge_gz1)
_SIMPLE = Scheme("simple", ("label",), (), "label", _judge_words)

# In the order of preference: votes say more than words, and flags least.
_SCHEMES = (_GZ2, _GZ1, _class_scheme("gz2_class"), _class_scheme("gz2class"), _SIMPLE, _GZ1_BY_FLAGS)


def choose_scheme(table: TableFile, label_format: str) -> Scheme:
    """Return the scheme by which a table is to be read.

    Parameters
    ----------
    table : TableFile
    label_format : str
        ``simple``, ``gz1``, ``gz2``, ``gz2_class``; or ``auto``: vote fractions rather than ``gz2_class``
        rather than ``label``, as the table has them.

    Returns
    -------
    Scheme

    Raises
    ------
    TableError
        If there is no such format, or the table lacks the columns.
    """
    known = [scheme for scheme in _SCHEMES if label_format in ("auto", scheme.name)]
    if not known:
        formats = ", ".join(dict.fromkeys(("auto", *(scheme.name for scheme in _SCHEMES))))
        raise LabelFormatError(f"{label_format!r} is none of {formats}")
    for scheme in known:
        if not table.missing(scheme.required, ""):
            return scheme
    if label_format == "auto":
        # One that is begun is what the table wants to be.
        begun = [scheme for scheme in known if table.find(scheme.required)]
        known = begun or [_SIMPLE]
    message = table.missing(known[0].required, f"label_format {known[0].name!r}")
    found = f"; its columns are {', '.join(table.names[:20])}" + (" ..." if len(table.names) > 20 else "")
    others = "" if label_format != "auto" else "; nor the columns of another label_format"
    raise TableError(message + others + found)
