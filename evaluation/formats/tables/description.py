"""The columns of a catalogue as astropy describes them, without rows."""

from typing import Any

import numpy as np

from evaluation.formats.tables.blocks import Layout

FRAME = "ICRS"
"""Frame of ``ra`` and ``dec``. Positions called J2000 differ from it by less than 0.1 arcsec."""


def described_table(layout: Layout, *, with_notes: bool = False) -> Any:
    """Return an astropy table without rows, with units, descriptions and UCDs.

    Parameters
    ----------
    layout : Layout
    with_notes : bool
        Whether its ``meta`` has the notes and the frame.
    """
    from astropy.table import Column, Table

    table = Table()
    for column in layout.columns:
        kind = "U1" if column.dtype == "str" else column.dtype
        shape = (0, layout.lengths[column.name]) if column.is_array else (0,)
        table[column.name] = Column(
            np.empty(shape, kind),
            unit=column.unit or None,
            description=column.description,
            meta={"ucd": column.ucd},
        )
    if with_notes:
        table.meta["RADESYS"] = FRAME
        if layout.notes:
            table.meta["comments"] = list(layout.notes)
    return table


def described_votable(layout: Layout) -> Any:
    """Return a VOTable file without rows, with the frame of the positions."""
    from astropy.io import votable
    from astropy.io.votable.tree import CooSys

    file = votable.from_table(described_table(layout))
    resource, table = file.resources[0], file.get_first_table()
    resource.coordinate_systems.append(CooSys(ID="frame", system=FRAME, id="frame"))
    table.name = "catalogue"
    table.description = "; ".join(layout.notes) or None
    for field, column in zip(table.fields, layout.columns, strict=True):
        field.description, field.ucd = column.description, column.ucd
        if column.dtype == "str":
            # With a bound: astropy's reader of VOParquet cannot join texts of unbounded length.
            field.arraysize = f"{max(layout.widths.get(column.name, 0), 1)}*"
        if column.name in ("ra", "dec"):
            field.ref = "frame"
    return file
