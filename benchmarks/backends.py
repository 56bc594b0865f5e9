"""Speed of the backends of `galmorph classify`, and how they agree on a trained network.

    python -m benchmarks.backends [--model MODEL --stamps TEMPLATE [--objects 600]] [--networks B0,B7]

The exported model as TensorFlow runs it, in float32, beside OpenVINO in each precision of the processor:
flux to class, with the picture, in batches of 64 cuts of 128 pixels, in turns. The networks of --networks
have random weights, which prove speed only. --model is a published version with its stamps: it is measured,
too, and its classes and probabilities are compared. CPU seconds are those of all threads; on a machine that
others use they say more than the time on the clock.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from catalog.backends.agreement import compare
from catalog.backends.openvino_network import PRECISIONS, chip, converted, fastest_precision, usable_cores
from catalog.classifier import Classifier, ModelSpec, published_model
from catalog.prepare import answers
from preprocessing.locations import location

SIDE, BATCH = 128, 64


@dataclass
class Rate:
    """Seconds on the clock and of the CPU for a galaxy, the medians over all rounds."""

    seconds: float
    cpu: float


def rates(functions: Sequence[Callable[[], object]], count: int, rounds: int) -> list[Rate]:
    """Measure functions that each classify `count` galaxies, in turns; the first round does not count."""
    found = []
    for _ in range(rounds + 1):
        turn = []
        for function in functions:
            started, cpu = time.perf_counter(), time.process_time()
            function()
            turn.append((time.perf_counter() - started, time.process_time() - cpu))
        found.append(turn)
    medians = np.median(found[1:], axis=0) / count
    return [Rate(*each) for each in medians.tolist()]


def random_model(backbone: str, folder: Path) -> Path:
    """Export a network with random weights."""
    from preprocessing.settings import ImageSettings
    from trainer.model import build_classifier
    from trainer.settings import ModelSettings
    from trainer.signatures import export_model

    model = build_classifier(ModelSettings(backbone=backbone, weights="none"), image_size=SIDE, seed=0)
    export_model([model], folder, image=ImageSettings(cut=SIDE, size=SIDE), uncertain=(0.25, 0.75))
    return folder


def specs(model: Path, folder: Path) -> dict[str, ModelSpec]:
    """Return a model for each backend; the network goes into a folder."""
    from catalog.backends.graph import network_graph

    spec = ModelSpec(str(model), "0")
    started = time.perf_counter()
    file = folder / "network.zip"
    file.write_bytes(converted(network_graph(spec.path, spec.signature)[0]))
    Console().print(
        f"converted in {time.perf_counter() - started:.1f} s, {file.stat().st_size / 2**20:.0f} MiB"
    )
    found = {"TensorFlow float32": spec}
    for precision in PRECISIONS:
        if precision == "float32" or fastest_precision() == precision:
            found[f"OpenVINO {precision}"] = replace(
                spec, backend="openvino", precision=precision, network=str(file)
            )
    return found


def flux_of(model: Path, template: str, table: str | None, objects: int) -> NDArray[np.float32]:
    """Return the flux of the first objects that can be read."""
    from catalog.prepare import sample
    from catalog.stamps import stamps_input
    from serving.predict.description import Description

    description = Description.of(published_model(model).description, str(model))
    source = stamps_input(template, location(table) if table else None, description, workers=1)
    return sample(source, BATCH, objects, max_rows=2 * objects)


def measure(
    name: str, classifiers: dict[str, Classifier], flux: NDArray[np.float32], rounds: int
) -> list[dict[str, Any]]:
    """Return a row for each backend."""

    def call(classifier: Classifier) -> Callable[[], object]:
        return lambda: classifier.classify(flux)

    found = rates([call(each) for each in classifiers.values()], len(flux), rounds)
    return [
        {
            "network": name,
            "backend": backend,
            "galaxies/s": 1 / rate.seconds,
            "CPU s/galaxy": rate.cpu,
            "times": found[0].seconds / rate.seconds,
            "times, CPU": found[0].cpu / rate.cpu,
        }
        for backend, rate in zip(classifiers, found, strict=True)
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--networks", default="EfficientNetB0,EfficientNetB7", help="backbones, with commas")
    parser.add_argument("--model", type=Path, help="a published version of a trained network")
    parser.add_argument("--stamps", help="template of its stamps")
    parser.add_argument("--table", help="table of the objects; all by default")
    parser.add_argument("--objects", type=int, default=600, help="objects that are compared")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="file for the figures")
    arguments = parser.parse_args()
    console = Console(width=150)
    console.print(f"{chip()}, {usable_cores()} cores, batch {BATCH}, {SIDE} px, {arguments.rounds} rounds")
    rows: list[dict[str, Any]] = []
    agreements = {}
    random = np.random.default_rng(0).normal(0, 1, (BATCH, SIDE, SIDE, 3)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        if arguments.model:
            path = published_model(arguments.model).path
            flux = flux_of(path, arguments.stamps, arguments.table, arguments.objects)
            classifiers = {name: Classifier(spec) for name, spec in specs(path, Path(folder)).items()}
            rows += measure(f"{path} (trained)", classifiers, flux[:BATCH], arguments.rounds)
            found = {name: answers(each, flux, BATCH) for name, each in classifiers.items()}
            expected = next(iter(found.values()))
            for name in list(found)[1:]:
                agreements[name] = compare(expected, found[name]).entry()
                p = np.abs(expected.p_elliptical.astype(float) - found[name].p_elliptical)
                shares = (0.5, 0.9, 0.99, 0.999, 1.0)
                quantiles = np.nanquantile(p, shares).tolist()
                agreements[name]["quantiles of |dp|"] = dict(zip(map(str, shares), quantiles, strict=True))
                console.print(f"{name}: {compare(expected, found[name])}; {agreements[name]}")
            del classifiers
        for backbone in filter(None, arguments.networks.split(",")):
            place = Path(folder, backbone)
            model = random_model(backbone, place / "1")
            classifiers = {name: Classifier(spec) for name, spec in specs(model, place).items()}
            rows += measure(f"{backbone} (random)", classifiers, random, arguments.rounds)
            del classifiers
    table = Table(*rows[0])
    for row in rows:
        table.add_row(*(f"{cell:.4g}" if isinstance(cell, float) else cell for cell in row.values()))
    console.print(table)
    if arguments.json:
        content = {"chip": chip(), "cores": usable_cores(), "rows": rows, "agreement": agreements}
        arguments.json.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
