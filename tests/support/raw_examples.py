"""Small files of raw Examples, as FitsExampleGen writes them."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from components.fits_example_gen.examples import build_example
from preprocessing.labels.reading import LabelledObject
from preprocessing.planes import Plane


def stamp(seed: int, bands: str = "IRG", side: int = 20) -> dict[str, Plane]:
    """Return the planes of a galaxy that is brighter at the top, so that up and down can be told."""
    random = np.random.default_rng(seed)
    slope = np.linspace(0.0, 6.0, side)[:, None]
    flux = {band: (slope + random.random((side, side))).astype("f4") for band in bands}
    return {band: Plane(plane, side, side, 0.0, 0.0) for band, plane in flux.items()}


def write_raw(path: Path, galaxies: dict[str, dict[str, Plane]], label: int = 0) -> str:
    """Write one TFRecord file of galaxies by name, and return its path."""
    with tf.io.TFRecordWriter(str(path)) as writer:
        for row, (name, planes) in enumerate(galaxies.items(), start=1):
            entry = LabelledObject(row, name, label, 10.0, -5.0, 16.0, np.nan, np.nan)
            writer.write(build_example(entry, planes, -1).SerializeToString())
    return str(path)
