"""FITS files read in a graph, by the ingest, and among others that can be read."""

import io
import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from astropy.io import fits
from stamp_images import galaxy

from preprocessing.fits.files import StampError
from preprocessing.flux_scale import FluxScale
from preprocessing.graph.flux import FluxReader
from preprocessing.stamps import StampReader

SIDE = 24
RAW = {"background": "none", "zero_points": "none", "reference_zero_point": 22.5, "flux_factors": {}}
LIMITS = {"max_blank": 0.2, "max_saturated": 0.05, "cubes": False}
BANDS = ("I", "R", "G")


@cache
def _graph(rules: str):
    changes = json.loads(rules)
    flux = {key: changes.get(key, value) for key, value in RAW.items()}
    limits = {key: changes.get(key, value) for key, value in LIMITS.items()}
    reader = FluxReader(BANDS, SIDE, flux, limits)
    return tf.function(reader.read, [tf.TensorSpec([None, 3], tf.string)], autograph=False)


def in_graph(**changes):
    """The reading of one batch, as a graph."""
    return _graph(json.dumps(changes))


READ = in_graph()


def ingested(folder: Path, content: bytes, **changes) -> np.ndarray | StampError:
    """What the ingest makes of a file."""
    (folder / "x_I.fits").write_bytes(content)
    flux = {key: changes.get(key, value) for key, value in RAW.items()}
    scale = FluxScale(*flux.values())
    limits = {key: changes.get(key, LIMITS[key]) for key in ("max_blank", "max_saturated")}
    reader = StampReader(str(folder / "{name}_{band}.fits"), ("I",), SIDE, flux_scale=scale, **limits)
    try:
        return reader.read("x").planes["I"].flux
    except StampError as error:
        return error


def content_of(*hdus) -> bytes:
    file = io.BytesIO()
    fits.HDUList(list(hdus)).writeto(file, output_verify="silentfix")
    return file.getvalue()


def stamp_of(image: np.ndarray, **header) -> bytes:
    return content_of(fits.PrimaryHDU(image, fits.Header(header)))


def stamp(side: int = 30, seed: int = 0, **header) -> bytes:
    return stamp_of(galaxy(seed, side), **header)


GOOD = stamp(EXTRA=1)


def refusal(read, content: bytes) -> str:
    """The message about a file that stands among good ones: object 1, band R."""
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        read(tf.constant([[GOOD] * 3, [GOOD, content, GOOD], [GOOD] * 3]))
    message = str(caught.value)
    assert "object 1, band R: " in message and "object 0" not in message and "object 2" not in message
    return message
