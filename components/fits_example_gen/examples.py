"""Build the raw Example of one galaxy."""

import math
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from preprocessing import features
from preprocessing.labels.reading import LabelledObject
from preprocessing.planes import Plane


def build_example(entry: LabelledObject, planes: Mapping[str, Plane], fold: int) -> tf.train.Example:
    """Build the raw Example of one galaxy.

    Parameters
    ----------
    entry : LabelledObject
    planes : mapping of str to Plane
        By band.
    fold : int
        Fold of the cross-validation, or -1.

    Returns
    -------
    tf.train.Example
        Planes are raw bytes (`preprocessing.features.flux_feature`), because a list of floats takes 150 times
        as long to build. Unknown positions, magnitudes and votes are left out, not written as NaN.
    """
    example = tf.train.Example()
    feature = example.features.feature
    feature[features.NAME].bytes_list.value.append(entry.name.encode())
    if not (math.isnan(entry.ra) or math.isnan(entry.dec)):
        position = np.array([entry.ra, entry.dec], "<f8").tobytes()
        feature[features.POSITION].bytes_list.value.append(position)
    first = next(iter(planes.values()))
    integers = {
        features.LABEL: entry.label,
        features.FOLD: fold,
        features.HEIGHT: first.height,
        features.WIDTH: first.width,
    }
    for name, integer in integers.items():
        feature[name].int64_list.value.append(integer)
    floats = {
        features.RIGHT_ASCENSION: entry.ra,
        features.DECLINATION: entry.dec,
        features.MAGNITUDE: entry.magnitude,
        features.VOTE_ELLIPTICAL: entry.vote_elliptical,
        features.VOTE_SPIRAL: entry.vote_spiral,
    }
    for band, plane in planes.items():
        for statistic in features.STATISTICS:
            floats[features.statistic_feature(statistic, band)] = getattr(plane, statistic)
        pixels = np.ascontiguousarray(plane.flux, dtype="<f4").tobytes()
        feature[features.flux_feature(band)].bytes_list.value.append(pixels)
    for name, value in floats.items():
        if not math.isnan(value):
            feature[name].float_list.value.append(value)
    return example
