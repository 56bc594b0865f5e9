"""Choose labelled galaxies of OpenNGC in the footprint of SDSS: the label table of configs/sdss.toml.

    python scripts/sdss_labels.py NGC.csv labels.csv

Writes name, ra, dec [deg, J2000], hubble_type, label and scale [arcsec per pixel] of every galaxy with a
Hubble type and a size. E and E? are elliptical; Sa to Scd, with or without a bar, are spiral; lenticulars
(E-S0, S0, S0-a), types later than Scd, irregulars and S? are uncertain. Needs astropy.
"""

import argparse
import csv
import re
import sys
from collections import Counter
from pathlib import Path

from astropy import units as u
from astropy.coordinates import Angle

RIGHT_ASCENSIONS, DECLINATIONS = (120.0, 240.0), (0.0, 60.0)
"""The largest part of the imaging of SDSS, the northern galactic cap [deg]."""

SPIRAL = re.compile(r"S(A|B|AB)?(a|ab|b|bc|c|cd)")
PIXELS, MARGIN, FINEST = 128, 1.5, 0.396
"""A stamp is `MARGIN` times as wide as the galaxy, in pixels of at least `FINEST`, those of SDSS [arcsec]."""


def label_of(hubble_type: str) -> str:
    """Return the label of a Hubble type."""
    if hubble_type in ("E", "E?"):
        return "elliptical"
    return "spiral" if SPIRAL.fullmatch(hubble_type) else "uncertain"


def chosen(row: dict[str, str]) -> dict[str, str] | None:
    """Return the row of the label table for a row of OpenNGC, None if the galaxy is not wanted."""
    if row["Type"] != "G" or not row["Hubble"] or not row["MajAx"]:
        return None
    ra, dec = Angle(row["RA"], u.hourangle).deg, Angle(row["Dec"], u.deg).deg
    (west, east), (south, north) = RIGHT_ASCENSIONS, DECLINATIONS
    if not (west <= ra <= east and south <= dec <= north):
        return None
    scale = max(FINEST, MARGIN * 60 * float(row["MajAx"]) / PIXELS)
    return {
        "name": row["Name"],
        "ra": f"{ra:.5f}",
        "dec": f"{dec:.5f}",
        "hubble_type": row["Hubble"],
        "label": label_of(row["Hubble"]),
        "scale": f"{scale:.3f}",
    }


def main() -> None:
    """Write the label table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", type=Path, help="NGC.csv of OpenNGC")
    parser.add_argument("out", type=Path, help="label table to write")
    arguments = parser.parse_args()
    try:
        with open(arguments.table, newline="", encoding="utf-8") as table:
            rows = [galaxy for row in csv.DictReader(table, delimiter=";") if (galaxy := chosen(row))]
        if not rows:
            raise ValueError("it has no galaxy with a Hubble type there")
        with open(arguments.out, "w", newline="", encoding="utf-8") as table:
            writer = csv.DictWriter(table, rows[0].keys(), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    except OSError as error:
        sys.exit(f"{error.filename}: {error.strerror}")
    except (KeyError, ValueError) as error:
        sys.exit(f"{arguments.table} is not NGC.csv of OpenNGC: {error}")
    counts = ", ".join(f"{count} {label}" for label, count in Counter(row["label"] for row in rows).items())
    print(f"{arguments.out}: {len(rows)} galaxies ({counts})")


if __name__ == "__main__":
    main()
