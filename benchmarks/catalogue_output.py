"""Time, CPU time, memory and disk of the files of a catalogue, for each format.

``python -m benchmarks.catalogue_output --rows 1000000``: chunks of 1,000 made-up rows are written as Parquet
files, as `galmorph classify` leaves them, and one process for each format makes a catalogue of them.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from catalog.output.about import About, Model
from catalog.output.table import NAMES
from catalog.output.write import write_catalogue
from report.catalogue.page import render_page
from report.catalogue.statistics import CatalogueStatistics

CHUNK = 1000


def make_chunks(folder: Path, rows: int) -> None:
    """Write chunks of rows with random positions on a tenth of the sky."""
    generator = np.random.default_rng(0)
    for first in range(0, rows, CHUNK):
        count = min(CHUNK, rows - first)
        p = generator.random(count, np.float32)
        kinds = np.where(p < 0.25, "spiral", np.where(p > 0.75, "elliptical", "uncertain"))
        table = pa.table(
            {
                "row": np.arange(first, first + count),
                "name": [f"iDR4_3_SPLUS-n01s01_{row:07d}" for row in range(first, first + count)],
                "ra": generator.uniform(0, 180, count),
                "dec": generator.uniform(-20, 10, count),
                "p_elliptical": p,
                "p_spiral": 1 - p,
                "morphology": kinds,
                "flags": (generator.integers(0, 256, count) * (generator.random(count) < 0.1)).astype(
                    np.int32
                ),
                "model_version": ["3-0123456789ab"] * count,
                "novelty": generator.random(count, np.float32),
                "novelty_distance": generator.random(count, np.float32),
                "magnitude": generator.uniform(14, 21, count).astype(np.float32),
            }
        )
        pq.write_table(table, folder / f"{first:09d}.parquet")


def write(chunks: Path, out: Path, kind: str, rows: int) -> None:
    """Make a catalogue, and print what it took as JSON."""

    def parts() -> Iterator[pa.Table]:
        return (pq.read_table(path) for path in sorted(chunks.iterdir()))

    nobody = Model("/models/3", "3", "0123456789abcdef" * 4, {"uncertain": [0.25, 0.75]})
    about = About(nobody, {}, {}, [], datetime.now(UTC), 1.0, "0")
    before = resource.getrusage(resource.RUSAGE_SELF)
    statistics = CatalogueStatistics()
    start = time.perf_counter()
    write_catalogue(
        out,
        kind,
        parts,
        about,
        rejects=lambda: iter(()),
        rows=rows,
        watch=statistics.add,
        page=lambda summary: render_page("benchmark", vars(summary), statistics, (0.25, 0.75)),
    )
    seconds = time.perf_counter() - start
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    after = resource.getrusage(resource.RUSAGE_SELF)
    found = {
        "seconds": round(seconds, 1),
        "cpu_seconds": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1),
        "before_mib": before.ru_maxrss >> 10,
        "peak_mib": after.ru_maxrss >> 10,
        "bytes_a_row": round(size / rows),
    }
    print(json.dumps(found))


def main() -> None:
    """Measure all formats."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--formats", default=",".join(NAMES))
    parser.add_argument("--one", nargs=3, metavar=("CHUNKS", "OUT", "FORMAT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        chunks, out, kind = options.one
        write(Path(chunks), Path(out), kind, options.rows)
        return
    with tempfile.TemporaryDirectory() as folder:
        chunks = Path(folder) / "chunks"
        chunks.mkdir()
        make_chunks(chunks, options.rows)
        for kind in options.formats.split(","):
            command = [sys.executable, "-m", "benchmarks.catalogue_output", "--rows", str(options.rows)]
            done = subprocess.run(
                [*command, "--one", str(chunks), str(Path(folder) / kind), kind],
                check=True,
                capture_output=True,
                text=True,
            )
            print(kind, done.stdout.splitlines()[-1], flush=True)


if __name__ == "__main__":
    main()
