"""Speed of decoding FITS inside the graph, and what `classify_fits` costs beside `classify_flux`.

    python -m benchmarks.signatures [--backbone EfficientNetLite0]

Stamps of 200 x 200 pixels, float32, with a header of a survey's length. All in one run, in turns:

- planes per second that the graph decodes, with its checks, to a cut of 128 pixels and of 200, beside
  `astropy.io.fits.getdata`;
- galaxies per second of both signatures at batch 64, for pictures of 128 pixels;
- galaxies per second of `classify_flux` with and without novelty.
"""

import argparse
import io
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import tensorflow as tf
from astropy.io import fits
from rich.console import Console
from rich.table import Table

from benchmarks.ingest import BANDS, SIDE, header
from preprocessing.graph.flux import FluxReader
from preprocessing.settings import ImageSettings
from trainer.model import build_classifier
from trainer.novelty import Novelty
from trainer.settings import ModelSettings
from trainer.signatures import RAW_FLUX, export_model
from trainer.taps import STATISTICS, with_taps

BATCH, ROUNDS = 64, 7
LIMITS = {"max_blank": 0.2, "max_saturated": 0.05, "cubes": False}


def stamps() -> tuple[np.ndarray, list[list[bytes]]]:
    """Return the flux (BATCH, SIDE, SIDE, 3) of galaxies, and their files."""
    flux = np.random.default_rng(0).standard_normal((BATCH, SIDE, SIDE, 3), dtype=np.float32)
    flux[:, 90:110, 90:110] += 20
    files = []
    for index, galaxy in enumerate(flux):
        planes = []
        for place, band in enumerate(BANDS):
            file = io.BytesIO()
            fits.PrimaryHDU(np.ascontiguousarray(galaxy[..., place]), header(index, 0.0, band)).writeto(file)
            planes.append(file.getvalue())
        files.append(planes)
    return flux, files


def medians(*functions: Callable[[], object]) -> list[float]:
    """Return the median seconds of functions that are called in turns."""
    seconds = []
    for _ in range(ROUNDS + 1):
        turn = []
        for function in functions:
            started = time.perf_counter()
            function()
            turn.append(time.perf_counter() - started)
        seconds.append(turn)
    return list(np.median(seconds[1:], axis=0))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--backbone", default="EfficientNetLite0")
    arguments = parser.parse_args()
    flux, files = stamps()
    batch, arrays = tf.constant(files), tf.constant(flux)
    table = Table("what", "per second", "peer", "per second", "ratio")

    def show(what: str, count: int, unit: str, ours: float, peer: str, theirs: float) -> None:
        rates = f"{count / ours:,.0f} {unit}", f"{count / theirs:,.0f}"
        table.add_row(what, rates[0], peer, rates[1], f"{theirs / ours:.2f}")

    def with_astropy() -> None:
        for planes in files:
            for content in planes:
                fits.getdata(io.BytesIO(content))

    for cut in (128, SIDE):
        reader = FluxReader(BANDS, cut, RAW_FLUX, LIMITS)
        read = tf.function(reader.read, [tf.TensorSpec([None, 3], tf.string)], autograph=False)
        ours, theirs = medians(lambda read=read: read(batch), with_astropy)  # type: ignore[misc]
        show(f"decoding in the graph, cut {cut}", BATCH * 3, "planes", ours, "fits.getdata", theirs)
    settings = ModelSettings(backbone=arguments.backbone, weights="none")
    image = ImageSettings(cut=128, size=128)
    with tempfile.TemporaryDirectory() as folder:
        model = build_classifier(settings, image_size=128, seed=0)
        export = partial(
            export_model, [model], image=image, uncertain=(0.25, 0.75), flux=RAW_FLUX, limits=LIMITS
        )
        export(Path(folder))
        signatures = tf.saved_model.load(folder).signatures
        width = with_taps(model).output[STATISTICS].shape[-1]
        statistics = np.random.default_rng(0).normal(size=(400, width))
        novelty = Novelty.fit(statistics[:300], statistics[300:])
        more = Path(folder, "more")
        export(more, novelty=novelty)
        measuring = tf.saved_model.load(str(more)).signatures
        fits_time, flux_time, novelty_time, described_time = medians(
            lambda: signatures["classify_fits"](fits=batch),
            lambda: signatures["classify_flux"](flux=arrays),
            lambda: measuring["classify_flux"](flux=arrays),
            lambda: measuring["describe_flux"](flux=arrays),
        )
    name = arguments.backbone
    show(f"classify_fits, {name}", BATCH, "galaxies", fits_time, "classify_flux", flux_time)
    show(f"classify_flux with novelty, {name}", BATCH, "galaxies", novelty_time, "without", flux_time)
    show(f"describe_flux, {name}", BATCH, "galaxies", described_time, "classify_flux", novelty_time)
    Console().print(table)


if __name__ == "__main__":
    main()
