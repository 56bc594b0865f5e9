"""Tiny published models, and `galmorph serve` in a process of its own."""

import io
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits

from preprocessing.settings import ImageSettings

IMAGE = ImageSettings(cut=40, size=32)
BANDS = IMAGE.bands


@dataclass
class Server:
    """A server that runs; `url` is that of the REST interface, `log` what it has written."""

    url: str
    grpc: str
    process: subprocess.Popen
    log: Path

    @property
    def model(self) -> str:
        return f"{self.url}/v1/models/galmorph"


def publish(folder: Path, seed: int, *, with_novelty: bool = False) -> Path:
    """Export a network of random weights as a version, on request with the novelty of random pictures."""
    from trainer.model import build_classifier
    from trainer.novelty import Novelty
    from trainer.settings import ModelSettings
    from trainer.signatures import export_model
    from trainer.taps import STATISTICS, with_taps

    network = build_classifier(ModelSettings(backbone="TinyConv", weights="none"), image_size=32, seed=seed)
    novelty = None
    if with_novelty:
        pictures = np.random.default_rng(seed).uniform(0, 255, (60, 32, 32, 3)).astype("f4")
        statistics = with_taps(network).predict(pictures, verbose=0)[STATISTICS]
        novelty = Novelty.fit(statistics[:40], statistics[40:])
    export_model([network], folder, image=IMAGE, uncertain=(0.25, 0.75), novelty=novelty)
    return folder


def galaxies(count: int, side: int = 44, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    widths = random.uniform(10, 200, (count, 1, 1, 1))
    peaks = random.uniform(1, 50, (count, 1, 1, 3))
    return (np.exp(-(x**2 + y**2)[..., None] / widths) * peaks).astype("f4")


def fits_bytes(image: np.ndarray, **cards: object) -> bytes:
    stream = io.BytesIO()
    hdu = fits.PrimaryHDU(image)
    hdu.header.update(cards)
    hdu.writeto(stream)
    return stream.getvalue()


@contextmanager
def serving(model: Path, *options: str, **environment: str) -> Iterator[Server]:
    """Start the command, wait until it is ready, and end it by Ctrl-C."""
    command = [sys.executable, "-P", "-m", "pipeline.cli", "serve", str(model)]
    ports = ("--rest-port", "0", "--grpc-port", "0")
    log = model.parent / f"serve-{time.time_ns()}.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [*command, *ports, *options],
            stdout=stream,
            stderr=subprocess.STDOUT,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "COLUMNS": "200", **environment},
        )
    try:
        yield _ready(process, log)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


def _ready(process: subprocess.Popen, log: Path, seconds: float = 120.0) -> Server:
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        text = log.read_text()
        rest = re.search(r"REST +(http\S+)/v1/models/galmorph\n", text)
        grpc = re.search(r"gRPC +(\S+)\n", text)
        if rest and grpc:
            return Server(rest[1], grpc[1], process, log)
        time.sleep(0.1)
    raise AssertionError(f"the server is not ready: {log.read_text()}")
