"""Tables of answers as the gate reads them."""

import numpy as np
import pyarrow as pa

from evaluation.formats.predictions import Predictions
from preprocessing.features import SPLITS


def table(labels, p, split: str = "test", shown=None, names=None) -> Predictions:
    """Return what a model says of galaxies g0, g1 ... of one split."""
    n = len(labels)
    names = [f"g{number}" for number in range(n)] if names is None else names
    nowhere = np.full(n, np.nan)
    return Predictions(
        pa.chunked_array([pa.array(names, pa.string())]),
        nowhere,
        nowhere,
        np.full(n, SPLITS.index(split), np.int8),
        np.asarray(labels, np.int8),
        np.asarray(p, np.float64),
        np.zeros(n, np.int8),
        np.full(n, np.nan, np.float32),
        np.full(n, np.nan, np.float32),
        np.ones(n, bool) if shown is None else np.asarray(shown),
    )
