"""Write a simulated survey to disk: stamps, label table, table of true parameters."""

import csv
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from preprocessing.bands import band_name
from preprocessing.processes import run_in_processes
from preprocessing.whole_files import replacing

DEFAULT_BANDS = ("G", "R", "I", "U", "Z", "F660")

_FORMAT = 2
"""Version of the simulation. Increase it with every change of the pictures or the tables."""

_TABLES = ("labels", "truth")
_MARKER = "survey.json"
_UNFINISHED = "survey.unfinished.json"
_BATCH = 8
_SMALLEST = 32

_Rows = list[tuple[dict[str, object], dict[str, object]]]


@dataclass(frozen=True)
class SurveySummary:
    """Summary of a simulated survey.

    Attributes
    ----------
    labels, truth : pathlib.Path
        Table of labels, and table of the true parameters.
    stamps : str
        Template of the stamps' paths, with the fields ``{band}`` and ``{name}``.
    galaxies : int
        Rows of both tables.
    kinds : dict of str to int
        Number of galaxies of each true kind.
    damages : dict of str to int
        Number of objects with each kind of damage; ``no_files`` for rows without any file.
    """

    labels: Path
    truth: Path
    stamps: str
    galaxies: int
    kinds: dict[str, int] = field(default_factory=dict)
    damages: dict[str, int] = field(default_factory=dict)


def _check_arguments(
    galaxies: int, seed: int, size: int, bands: Sequence[str], workers: int | None
) -> tuple[str, ...]:
    """Return the names of the bands; raise ValueError if an argument is not valid."""
    if galaxies < 1:
        raise ValueError(f"a survey needs at least 1 galaxy, not {galaxies}")
    if seed < 0:
        raise ValueError(f"the seed must not be negative, but is {seed}")
    if size < _SMALLEST:
        raise ValueError(f"stamps must be at least {_SMALLEST} pixels wide, not {size}")
    if workers is not None and workers < 1:
        raise ValueError(f"at least 1 worker is needed, not {workers}")
    names = tuple(band_name(band) for band in bands)
    if not names:
        raise ValueError("a survey needs at least one band")
    if len(set(names)) != len(names):
        raise ValueError(f"bands are named twice: {' '.join(names)}")
    return names


def _is_done(out: Path, arguments: dict[str, object]) -> bool:
    """Return whether `out` contains this survey; raise FileExistsError if it contains anything else."""
    if not out.exists():
        return False
    if not out.is_dir():
        raise FileExistsError(f"{out} is a file, not a folder")
    for marker in (_MARKER, _UNFINISHED):
        try:
            earlier = json.loads((out / marker).read_text())
        except FileNotFoundError:
            continue
        except ValueError as error:
            raise FileExistsError(
                f"{out} holds a {marker} that cannot be read; choose another folder"
            ) from error
        if not isinstance(earlier, dict) or earlier.get("arguments") != arguments:
            raise FileExistsError(
                f"{out} holds a survey simulated with other arguments; choose another folder"
            )
        return marker == _MARKER
    if any(out.iterdir()):
        raise FileExistsError(f"{out} is not empty and holds no simulated survey; choose another folder")
    return False


def _summary(out: Path, galaxies: int) -> SurveySummary:
    with (out / "truth.csv").open(newline="") as stream:
        rows = [(row["kind"], row["damage"]) for row in csv.DictReader(stream)]
    return SurveySummary(
        labels=out / "labels.csv",
        truth=out / "truth.csv",
        stamps=f"{out}/{{band}}_stamps/{{name}}_{{band}}.fits",
        galaxies=galaxies,
        kinds=dict(Counter(kind for kind, _ in rows)),
        damages=dict(Counter(damage for _, damage in rows if damage)),
    )


def _processors() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _write_tables(out: Path, results: Iterator[_Rows], report: Callable[[int], None]) -> None:
    """Write both tables row by row; they get their final names when they are complete."""
    with ExitStack() as stack:
        parts = [stack.enter_context(replacing(out / f"{name}.csv")) for name in _TABLES]
        streams = [stack.enter_context(part.open("w", newline="")) for part in parts]
        writers: list[csv.DictWriter[str]] = []
        done = 0
        for rows in results:
            if not writers:
                writers = [
                    csv.DictWriter(s, list(r), lineterminator="\n")
                    for s, r in zip(streams, rows[0], strict=True)
                ]
                for writer in writers:
                    writer.writeheader()
            for pair in rows:
                for writer, row in zip(writers, pair, strict=True):
                    writer.writerow(row)
            done += len(rows)
            report(done)


def simulate_survey(
    out: Path,
    galaxies: int,
    seed: int = 0,
    *,
    size: int = 128,
    bands: Sequence[str] = DEFAULT_BANDS,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> SurveySummary:
    """Write a survey like S-PLUS (Mendes de Oliveira et al. 2019, MNRAS 489, 241).

    Parameters
    ----------
    out : pathlib.Path
        Folder to write; it is created if it does not exist.
    galaxies : int
        Number of galaxies, at least 1.
    seed : int
        The same seed gives the same bytes. A larger survey begins with the galaxies of a smaller one.
    size : int
        Width and height of the stamps [pixels of 0.55 arcsec], at least 32.
    bands : sequence of str
        Bands, in any accepted spelling. An image does not depend on the other bands.
    workers : int, optional
        Number of processes; by default one per processor. It has no effect on the result. More than one
        requires, as always in Python, a main module that can be imported.
    progress : callable, optional
        Called with the number of finished galaxies and the total number.

    Returns
    -------
    SurveySummary
        Paths and counts.

    Raises
    ------
    ValueError
        If an argument is out of range or names no band.
    FileExistsError
        If `out` contains anything other than this survey. A complete survey is left as it is; an interrupted
        one is written again.

    Notes
    -----
    ``labels.csv`` has the format of Galaxy Zoo 2 (Willett et al. 2013, MNRAS 435, 2835). About 3 % of its
    rows have no files and about 1 % have a damaged one; these are marked in ``truth.csv``. ``survey.json`` is
    written last.
    """
    names = _check_arguments(galaxies, seed, size, bands, workers)
    arguments: dict[str, object] = {
        "format": _FORMAT,
        "galaxies": galaxies,
        "seed": seed,
        "size": size,
        "bands": list(names),
    }
    if _is_done(out, arguments):
        return _summary(out, galaxies)

    # Imported late: GalSim takes half a second, which would delay error messages.
    from simulation.objects import simulate_objects

    # The marker comes first, so that an interrupted survey can be recognised.
    out.mkdir(parents=True, exist_ok=True)
    (out / _UNFINISHED).write_text(json.dumps({"arguments": arguments}, indent=2) + "\n")
    for name in names:
        (out / f"{name}_stamps").mkdir(exist_ok=True)
    batches = [range(start, min(start + _BATCH, galaxies)) for start in range(0, galaxies, _BATCH)]
    workers = workers or _processors()
    # A process takes a second to start, the time in which 20 galaxies are drawn.
    workers = max(1, min(workers, galaxies // 40))
    task = partial(simulate_objects, out, seed=seed, bands=names, size=size)
    _write_tables(
        out, run_in_processes(task, batches, workers), lambda done: progress and progress(done, galaxies)
    )
    os.replace(out / _UNFINISHED, out / _MARKER)
    return _summary(out, galaxies)
