"""The catalogue of classified objects: its columns, units, descriptions, UCDs and flags."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntFlag

UNLIKE_FROM = 0.99
"""Novelty from which `Flag.UNLIKE` is set."""

LEAST_SIGNAL_TO_NOISE = 10
"""Signal-to-noise in the central aperture below which `Flag.FAINT` is set (docs/catalog/flags.md)."""


class Flag(IntFlag):
    """Bits of the column ``flags``."""

    EDGE = 1
    BLANK = 2
    SATURATED = 4
    MISSING_BAND = 8
    FAINT = 16
    OUTSIDE = 32
    UNLIKE = 64
    STAMP_QUALITY = 128


FLAGS = {
    Flag.EDGE: "edge of the image",
    Flag.BLANK: "blank pixels",
    Flag.SATURATED: "saturated pixels",
    Flag.MISSING_BAND: "missing band",
    Flag.FAINT: f"signal-to-noise below {LEAST_SIGNAL_TO_NOISE:g} in the central aperture",
    Flag.OUTSIDE: "brightness or half-light radius beyond 99 % of the training galaxies",
    Flag.UNLIKE: f"unlike the training galaxies (novelty >= {UNLIKE_FROM:g})",
    Flag.STAMP_QUALITY: "warning about the stamps",
}
"""What each bit means."""


@dataclass(frozen=True)
class Column:
    """A column of the catalogue.

    Attributes
    ----------
    name : str
    dtype : str
        NumPy's name of the type; ``str`` for texts.
    description, ucd : str
        The UCD is one of the IVOA's UCD1+ words.
    unit : str
        Empty if there is none.
    is_array : bool
        Whether a cell holds several numbers, as many in every row of a table.
    """

    name: str
    dtype: str
    description: str
    ucd: str
    unit: str = ""
    is_array: bool = False


_BITS = ", ".join(f"{int(flag)} {meaning}" for flag, meaning in FLAGS.items())

COLUMNS = (
    Column("name", "str", "object", "meta.id;meta.main"),
    Column("ra", "float64", "right ascension, J2000", "pos.eq.ra;meta.main", "deg"),
    Column("dec", "float64", "declination, J2000", "pos.eq.dec;meta.main", "deg"),
    Column("p_elliptical", "float32", "probability of elliptical", "stat.probability;src.morph.type"),
    Column("p_spiral", "float32", "probability of spiral", "stat.probability;src.morph.type"),
    Column("morphology", "str", "class: spiral, elliptical or uncertain", "src.morph.type"),
    Column("flags", "int32", f"sum of bits: {_BITS}", "meta.code.qual"),
    Column("model_version", "str", "version of the model", "meta.version;meta.software"),
    Column(
        "novelty", "float32", "share of validation galaxies less unlike the training galaxies", "stat.rank"
    ),
    Column(
        "novelty_distance", "float32", "distance from the training galaxies, of which novelty is the rank",
        "stat.value",
    ),
)  # fmt: skip
"""The columns, in order. Numbers that are unknown are NaN, or empty where the format has empty cells."""

SURVEY_COLUMNS = (
    Column("row", "int64", "row of the input table, from 1", "meta.record"),
    Column("magnitude", "float32", "magnitude of the input table", "phot.mag", "mag"),
    Column("entropy", "float32", "entropy of the two class probabilities", "stat.value", "bit"),
    Column(
        "p_elliptical_std", "float32", "standard deviation of the models' probabilities of elliptical",
        "stat.stdev;stat.probability",
    ),
    Column(
        "p_elliptical_models", "float32", "probability of elliptical by each model of the ensemble",
        "stat.probability;src.morph.type", is_array=True,
    ),
    Column("embedding", "float32", "features of the network", "stat.value;src.morph.param", is_array=True),
)  # fmt: skip
"""Further columns of a survey's catalogue, after `COLUMNS`, in order; each is there only if it is known."""

OPTIONAL = "novelty_distance"
"""The column that a catalogue lacks if its model does not give it."""


def catalogue_columns(with_distance: bool) -> tuple[Column, ...]:
    """Return the columns of a catalogue, with or without `OPTIONAL`."""
    return tuple(column for column in COLUMNS if with_distance or column.name != OPTIONAL)


def flag_names(flags: Iterable[int]) -> dict[str, int]:
    """Return the number of objects with each bit that occurs, by its name in lower case."""
    counts: dict[str, int] = {}
    for value in flags:
        for flag in Flag(value):
            counts[str(flag.name).lower()] = counts.get(str(flag.name).lower(), 0) + 1
    return counts
