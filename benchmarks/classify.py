"""Speed of `galmorph classify` from stamps, beside the bare model, and how time and memory grow.

    python -m benchmarks.classify [--model MODEL] [--backend openvino] [--objects 2048] [--scale 10000,100000]

End to end: objects from plain and from Rice-compressed stamps of 200 pixels, to chunk files, beside the same
model on batches of flux that are in memory already. The speed is that between the first batches and the
last, without the loading of the model. The most that the cores allow follows from the CPU seconds of the
model, and from the time of reading in one process, which is never idle. Shares are medians of those of the
rounds: the speed of a virtual machine changes from minute to minute.

Growth: a network of a few weights on stamps of 20 pixels, each number of objects in a process of its own, to
the finished table, without the imports. Memory is the highest of that process, which also reads.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from catalog.classifier import Classifier, ModelSpec, published_model
from catalog.finish import finish
from catalog.objects import Input
from catalog.output.about import About, about_model
from catalog.place import Settings
from catalog.prepare import chosen, prepare
from catalog.session import default_batch, run_classification
from catalog.stamps import stamps_input, stop_reading
from catalog.store import Store
from serving.predict.description import Description

SIDE, SMALL = 200, 20
DISTINCT = 64  # different galaxies; the objects repeat them
_BARE = "bare model"


def galaxies(side: int) -> NDArray[np.float32]:
    """Return smooth galaxies with noise, float32, shape (DISTINCT, side, side, 3)."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    widths = random.uniform(20, side, (DISTINCT, 1, 1, 1))
    peaks = random.uniform(1, 50, (DISTINCT, 1, 1, 3))
    flux = np.exp(-(x**2 + y**2)[..., None] / widths) * peaks
    return (flux + random.normal(0, 0.05, flux.shape)).astype(np.float32)


def write_stamps(folder: Path, side: int, bands: tuple[str, ...], *, rice: bool = False) -> None:
    """Write the stamps of `galaxies`."""
    folder.mkdir()
    for number, flux in enumerate(galaxies(side)):
        for place, band in enumerate(bands):
            plane = np.ascontiguousarray(flux[..., place])
            hdu = fits.CompImageHDU(plane, compression_type="RICE_1") if rice else fits.PrimaryHDU(plane)
            hdu.writeto(folder / f"{number}_{band}.fits")


def table_of(folder: Path, count: int, bands: tuple[str, ...]) -> Path:
    """Write a table of paths of so many objects, and return it."""
    path = folder / f"objects{count}.csv"
    with path.open("w") as file:
        file.write(f"name,{','.join(f'path_{band}' for band in bands)}\n")
        for row in range(count):
            paths = (f"{row % DISTINCT}_{band}.fits" for band in bands)
            file.write(f"G{row},{','.join(paths)}\n")
    return path


def input_of(model: Path, table: Path, workers: int | None) -> Input:
    """Return the objects of a table of paths."""
    description = Description.of(published_model(model).description, str(model))
    return stamps_input(str(table), None, description, workers=workers)


OnProgress = Callable[[int, int], None]


def timed(task: Callable[[OnProgress], None], first: int) -> NDArray[np.float64]:
    """Return seconds on the clock, and of the CPU by this process, for an object after the first ones."""
    seen: list[tuple[int, float, float]] = []
    task(lambda done, _: seen.append((done, time.perf_counter(), time.process_time())))
    start, end = next(each for each in seen if each[0] >= first), seen[-1]
    return (np.array(end) - np.array(start))[1:] / (end[0] - start[0])


def end_to_end(arguments: argparse.Namespace, folder: Path, console: Console) -> list[dict[str, Any]]:
    """Measure both kinds of stamps and the bare model in turns, and return a row for each."""
    model = arguments.model or _lite0(folder)
    found = published_model(model)
    batch = default_batch(found.image.cut)
    count = arguments.objects
    places = {"plain": folder / "plain", "Rice": folder / "rice"}
    for name, place in places.items():
        write_stamps(place, SIDE, found.bands, rice=name == "Rice")
    store = Store(str(folder / "backend"))
    backend, precision = chosen(arguments.backend, None, store)
    spec = ModelSpec(str(found.path), "0", backend, (), precision)
    first_objects = input_of(model, table_of(places["plain"], 128, found.bands), 1)
    prepared = prepare(spec, first_objects, store, "benchmark", batch, console.print)
    console.print(f"{prepared.about}; {prepared.agreement or ''}")
    spec = prepared.spec
    classifier = Classifier(spec)
    cut = found.image.cut
    first = (SIDE - cut) // 2
    flux = np.resize(galaxies(SIDE)[:, first : first + cut, first : first + cut], (batch, cut, cut, 3))

    def bare(on_progress: OnProgress) -> None:
        for start in range(0, count, batch):
            classifier.classify(flux[: min(batch, count - start)])
            on_progress(min(start + batch, count), count)

    def read(place: Path, on_progress: OnProgress) -> None:
        source = input_of(model, table_of(place, count, found.bands), 1)
        for number, each in enumerate(source.reader(source.objects, batch)):
            on_progress(number * batch + len(each.rows), count)

    def whole(place: Path, on_progress: OnProgress) -> None:
        source = input_of(model, table_of(place, count, found.bands), arguments.workers)
        with tempfile.TemporaryDirectory(dir=folder) as out:
            settings = Settings(Path(out, "c"), batch=batch)
            run_classification(settings, source, spec, found.image.cut, {}, on_progress)

    tasks: dict[str, Callable[[OnProgress], None]] = {_BARE: bare}
    for name, place in places.items():
        tasks[f"reading, {name}"] = partial(read, place)
        tasks[f"classify, {name}"] = partial(whole, place)
    seconds: dict[str, list[NDArray[np.float64]]] = {name: [] for name in tasks}
    for number in range(arguments.rounds):
        for name, task in tasks.items():
            seconds[name].append(timed(task, 4 * batch))
        console.print(f"round {number + 1} of {arguments.rounds}")
    return [_row(name, {name: np.array(each) for name, each in seconds.items()}) for name in tasks]


def _row(name: str, seconds: dict[str, NDArray[np.float64]]) -> dict[str, Any]:
    """Return the medians of a task; `seconds` are those of an object, shape (rounds, 2)."""
    wall, cpu = seconds[name].T
    bare = seconds[_BARE]
    row = {"what": name, "objects/s": 1 / np.median(wall), "CPU ms/object": 1000 * np.median(cpu)}
    row |= {"of the bare model": np.nan, "of what CPU allows": np.nan}
    if name == _BARE:
        return row
    if name.startswith("reading"):
        return row | {"CPU ms/object": 1000 * np.median(wall)}
    reading = seconds[name.replace("classify", "reading")][:, 0]
    least = (bare[:, 1] + reading) / len(os.sched_getaffinity(0))
    row["CPU ms/object"] = np.nan  # of several processes
    row["of the bare model"] = np.median(bare[:, 0] / wall)
    row["of what CPU allows"] = np.median(least / wall)
    return row


def _lite0(folder: Path) -> Path:
    from benchmarks.backends import random_model

    return random_model("EfficientNetLite0", folder / "lite0" / "1")


def small_model(folder: Path) -> Path:
    """Export a network of a few weights, for pictures of 32 pixels."""
    from preprocessing.settings import ImageSettings
    from trainer.model import build_classifier
    from trainer.settings import ModelSettings
    from trainer.signatures import export_model

    network = build_classifier(ModelSettings(backbone="TinyConv", weights="none"), image_size=32, seed=0)
    export_model([network], folder / "1", image=ImageSettings(cut=16, size=32), uncertain=(0.25, 0.75))
    return folder


def small_run(model: Path, table: Path, out: Path, workers: int) -> dict[str, float]:
    """Classify small stamps to a finished table in this process, and return what it took."""
    import tensorflow

    _ = tensorflow.__version__
    started = time.perf_counter()
    found = published_model(model)
    source = input_of(model, table, workers)
    settings = Settings(out, batch=64)
    spec = ModelSpec(str(found.path), "0")
    plan = run_classification(settings, source, spec, found.image.cut, {}).plan
    known = about_model(found)
    about = About(known, {}, {}, [], datetime.now(UTC), 0.0, "0")
    finish(settings, "parquet", plan, about)
    stop_reading()
    return {
        "objects": len(source.objects),
        "seconds": time.perf_counter() - started,
        "peak MiB": peak_mib(),
    }


def peak_mib() -> float:
    """Return the greatest memory of this process [MiB].

    Not by `resource.getrusage`, whose figure begins with that of the process that started this one.
    """
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def growth(arguments: argparse.Namespace, folder: Path) -> list[dict[str, float]]:
    """Return a row for each number of objects, each from a new process."""
    model = small_model(folder / "small")
    bands = published_model(model).bands
    write_stamps(folder / "stamps", SMALL, bands)
    rows = []
    for count in map(int, arguments.scale.split(",")):
        table = table_of(folder / "stamps", count, bands)
        command = [sys.executable, "-m", "benchmarks.classify", "--small", str(model), str(table)]
        command += [str(folder / f"out{count}"), "--workers", str(arguments.workers or 1)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        rows.append(json.loads(done.stdout.splitlines()[-1]))
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", type=Path, help="published version; random Lite0 at 128 pixels by default")
    parser.add_argument("--backend", default="tensorflow", choices=("tensorflow", "openvino"))
    parser.add_argument("--objects", type=int, default=2048, help="0 leaves the first part out")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--scale", default="10000,100000", help="empty leaves the second part out")
    parser.add_argument("--workers", type=int, help="processes that read")
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument("--small", nargs=3, type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.small:
        model, table, out = arguments.small
        print(json.dumps(small_run(model, table, out, arguments.workers)))
        return
    console = Console(width=140)
    found: dict[str, list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory() as name:
        if arguments.objects:
            found["end to end"] = end_to_end(arguments, Path(name), console)
        if arguments.scale:
            found["growth"] = growth(arguments, Path(name))
            for row in found["growth"]:
                row["ms/object"] = 1000 * row["seconds"] / row["objects"]
    for title, rows in found.items():
        table = Table(*rows[0], title=title)
        for row in rows:
            table.add_row(*(f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in row.values()))
        console.print(table)
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
