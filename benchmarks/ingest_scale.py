"""Scaling of the ingest's memory and time from 10,000 to 100,000 objects.

    python -m benchmarks.ingest_scale [--small 10000] [--large 100000] [--json FILE]

Each object has three stamps, which are hard links to those of 300 galaxies. They are cut to 32 x 32 pixels,
so that a hundred thousand objects fit on a disk (1.3 GB of Examples). Each size runs in its own process. The
peak resident memory is measured before the ingest (after all imports) and at its end.
"""

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from astropy.io import fits
from rich.console import Console
from rich.table import Table

from benchmarks.example_gen import run_example_gen
from benchmarks.ingest import BANDS, header
from preprocessing.safe_python import module_command, safe_environment

DIFFERENT = 300
SIDE, CUT = 48, 32


def write_survey(folder: Path, objects: int) -> None:
    """Write stamps, links to them, and a table of positions a few arcminutes apart."""
    noise = np.random.default_rng(0)
    for band in BANDS:
        (folder / band).mkdir(parents=True)
    rows = []
    for index in range(objects):
        ra, dec = (index % 1000) * 0.2, -5 + (index // 1000) * 0.1
        name = f"SPLUS.STRIPE82-{index:06d}.griz"
        rows.append((name, ("spiral", "elliptical")[index % 2], f"{ra:.6f}", f"{dec:.6f}"))
        for band in BANDS:
            path = folder / band / f"{name}_{band}.fits"
            if index < DIFFERENT:
                image = noise.standard_normal((SIDE, SIDE), dtype=np.float32)
                cards = header(ra, dec, band)
                del cards["CTYPE*"]  # the linked stamps have other positions in the table
                fits.PrimaryHDU(image, cards).writeto(path)
            else:
                first = f"SPLUS.STRIPE82-{index % DIFFERENT:06d}.griz"
                os.link(folder / band / f"{first}_{band}.fits", path)
    with open(folder / "labels.csv", "w", newline="") as table:
        csv.writer(table).writerows([("name", "label", "ra", "dec"), *rows])


def ingest(folder: Path) -> dict[str, float]:
    """Run the ingest in this process and return seconds, peak memory and examples.

    A small survey is ingested first, so that imports and set-up are not counted.
    """
    write_survey(folder / "first", 100)
    run_example_gen(folder / "first", BANDS, CUT)
    seconds, before, report = run_example_gen(folder, BANDS, CUT)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    counts = {key: report[key] for key in ("rows", "examples", "rejects")}
    return {"seconds": seconds, "before_mib": before / 2**20, "peak_mib": peak / 2**20, **counts}


def measure(objects: int) -> dict[str, float]:
    """Write a survey and ingest it in a child process."""
    with tempfile.TemporaryDirectory() as scratch:
        print(f"writing {objects:,} objects", file=sys.stderr)
        write_survey(Path(scratch), objects)
        command = module_command("benchmarks.ingest_scale", "--ingest", scratch)
        child = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=safe_environment(), check=True
        )
        return json.loads(child.stdout.splitlines()[-1])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--small", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=100_000)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--ingest", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.ingest:
        print(json.dumps(ingest(arguments.ingest)))
        return
    results = {objects: measure(objects) for objects in (arguments.small, arguments.large)}
    show = Table("objects", "examples", "seconds", "ms an object", "MiB before", "MiB at most")
    for objects, figures in results.items():
        show.add_row(
            f"{objects:,}",
            f"{figures['examples']:,}",
            f"{figures['seconds']:.1f}",
            f"{1000 * figures['seconds'] / objects:.3f}",
            f"{figures['before_mib']:.0f}",
            f"{figures['peak_mib']:.0f}",
        )
    Console().print(show)
    small, large = results.values()
    time_ratio = (large["seconds"] / arguments.large) / (small["seconds"] / arguments.small)
    print(
        f"memory: {large['peak_mib'] / small['peak_mib']:.2f} times; time an object: {time_ratio:.2f} times"
    )
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
