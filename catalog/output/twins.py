"""A finished table in a format that SAMP clients load."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from catalog.errors import CatalogError
from catalog.output.table import NAMES, TWIN
from catalog.samp import EXTENSIONS, FITS, VOTABLE
from evaluation.formats.tables.blocks import Measurer
from evaluation.formats.tables.reading import read_blocks
from evaluation.formats.tables.write import write_table
from preprocessing.whole_files import replacing

_KINDS = {FITS: "fits", VOTABLE: "votable"}


def loadable(out: Path, kind: str) -> Mapping[str, Path]:
    """Return the table of a catalogue by the SAMP message that loads it; empty if there is none for it."""
    return {message: out / NAMES[known] for message, known in _KINDS.items() if known == kind}


def make_twin(out: Path, kind: str, message: str) -> Path:
    """Write the table of a finished catalogue once more, beside it, as SAMP clients load it.

    Parameters
    ----------
    out : Path
        Folder of the catalogue.
    kind : str
        Format of its table.
    message : str
        `catalog.samp.FITS` or `catalog.samp.VOTABLE`.

    Returns
    -------
    Path

    Raises
    ------
    CatalogError
        If it cannot be written.

    Notes
    -----
    The rows are read block by block, those of FITS and VOTable as a whole.
    """
    path = out / f"samp{EXTENSIONS[message]}"
    table = out / (TWIN if kind == "hats" else NAMES[kind])
    parts = partial(read_blocks, table, "parquet" if kind == "hats" else kind)
    measurer = Measurer()
    try:
        for part in parts():
            measurer.add(part)
        with replacing(path) as unfinished:
            write_table(unfinished, _KINDS[message], parts, measurer.layout())
    except OSError as error:
        raise CatalogError(f"{path} cannot be written: {error.strerror or error}") from error
    return path
