"""The server, the model and the client that the benchmarks of serving share."""

import json
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks.serving.client import Job
from benchmarks.serving.malformed import fits_body, fits_bytes
from preprocessing.settings import ImageSettings

SIDE = 128


def export(folder: Path) -> None:
    """Export EfficientNetLite0 with random weights."""
    from trainer.model import build_classifier
    from trainer.settings import ModelSettings
    from trainer.signatures import export_model

    network = build_classifier(
        ModelSettings(backbone="EfficientNetLite0", weights="none"), image_size=SIDE, seed=1
    )
    export_model([network], folder, image=ImageSettings(cut=SIDE, size=SIDE), uncertain=(0.25, 0.75))


def galaxies(count: int) -> np.ndarray:
    """Return flux of round galaxies with noise (count, SIDE, SIDE, 3)."""
    random = np.random.default_rng(1)
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    widths = random.uniform(50, 900, (count, 1, 1, 1))
    shapes = np.exp(-(x**2 + y**2)[..., None] / widths) * random.uniform(1, 50, (count, 1, 1, 3))
    return (shapes + random.normal(0, 0.1, shapes.shape)).astype(np.float32)


def fits_request(flux: np.ndarray) -> bytes:
    """Return the body of a request to ``classify_fits`` for one galaxy."""
    return fits_body([[fits_bytes(flux[..., band]) for band in range(3)]])


def run_client(job: Job, folder: Path) -> dict:
    """Run a client in a process of its own, and return its figures."""
    file = folder / "job.pickle"
    file.write_bytes(pickle.dumps(job))
    command = [sys.executable, "-m", "benchmarks.serving.client", str(file)]
    ran = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(ran.stdout)


@contextmanager
def server(models: Path) -> Iterator[tuple[subprocess.Popen, str, str]]:
    """Run the embedded server; yield its process, the URL of the model and the address for gRPC."""
    command = [sys.executable, "-m", "pipeline.cli", "serve", str(models), "--embedded"]
    ports = ("--rest-port", "0", "--grpc-port", "0")
    process = subprocess.Popen(
        [*command, *ports], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        found: dict[str, str] = {}
        assert process.stdout is not None
        while "try" not in found:
            line = process.stdout.readline()
            if not line:
                raise RuntimeError("the server has not started")
            name, _, value = line.strip().partition(" ")
            found[name] = value.strip()
        yield process, found["REST"], found["gRPC"]
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
