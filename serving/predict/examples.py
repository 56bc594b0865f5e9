"""Serialized tf.Examples of flux, made without TensorFlow."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from preprocessing.features import flux_feature


def serialized_examples(flux: NDArray[np.float32], bands: Sequence[str]) -> Iterator[bytes]:
    """Yield an Example for each object, as the signature ``serving_default`` takes it.

    Parameters
    ----------
    flux : numpy.ndarray, float32, shape (N, side, side, len(bands))
    bands : sequence of str

    Yields
    ------
    bytes

    Notes
    -----
    ``Example { Features features = 1 }``, ``Features { map<string, Feature> feature = 1 }``, ``Feature {
    BytesList bytes_list = 1 }``, ``BytesList { repeated bytes value = 1 }``: messages within messages, each
    with its length before it. An entry of a map is a message of ``key = 1`` and ``value = 2``.
    """
    return (_example(one, bands) for one in flux)


def _example(planes: NDArray[np.float32], bands: Sequence[str]) -> bytes:
    entries = b""
    for place, band in enumerate(bands):
        pixels = np.ascontiguousarray(planes[..., place], "<f4").tobytes()
        feature = _field(1, _field(1, pixels))
        entries += _field(1, _field(1, flux_feature(band).encode()) + _field(2, feature))
    return _field(1, entries)


def _field(number: int, content: bytes) -> bytes:
    """Return a field of bytes: number and type (2), length, content."""
    length, digits = len(content), bytearray()
    while length >= 128:
        digits.append(length & 127 | 128)
        length >>= 7
    digits.append(length)
    return bytes([number << 3 | 2]) + bytes(digits) + content
