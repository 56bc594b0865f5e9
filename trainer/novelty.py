"""How unlike the training galaxies a picture is, from statistics of the backbone's feature maps."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from trainer.devices import predict
from trainer.input import Pictures
from trainer.taps import STAGES, STATISTICS, with_taps

COMPONENTS = 64
"""Number of principal components, at most."""

NOVELTY_REFERENCE = "novelty_reference"
"""Key of the distances of held-out galaxies in the output of HeldOutReference."""

_FEWEST_ROWS = 4
"""Galaxies for each component, at least."""


@dataclass(frozen=True)
class Novelty:
    """The distance of a picture from the training galaxies, and that of held-out galaxies.

    Attributes
    ----------
    centre, scale : ndarray, float32, shape (S,)
        Mean and standard deviation of each statistic over the training galaxies.
    components : ndarray, float32, shape (K, S)
        Principal components of the scaled statistics.
    variances : ndarray, float32, shape (K,)
        Variance of the training galaxies along each component.
    residual : float
        Mean square of what the components leave over.
    reference : ndarray, float32, shape (R,)
        Distances of galaxies that the network did not learn from, in ascending order; empty if there are
        none.

    Notes
    -----
    The statistics of a picture are mean and standard deviation over the positions of each feature map at the
    ends of `STAGES` (`trainer.taps.with_taps`). Let y be the scaled statistics, p_k their principal
    components with variances v_k, and r what is left over. The distance d is given by

    ``d^2 = (mean_k(p_k^2 / v_k) + |r|^2 / residual) / 2``,

    so that d is about 1 for the training galaxies. Its first part is a Mahalanobis distance; the second part
    finds pictures that differ in ways in which the training galaxies do not vary. The novelty is the share of
    the reference galaxies with a smaller distance.

    References
    ----------
    Lee, K. et al. (2018), NeurIPS, 7167; arXiv:1807.03888 (Mahalanobis distance of the means of feature maps
    at several depths).
    Moghaddam, B. & Pentland, A. (1997), IEEE TPAMI, 19, 696 (distance in and from the space of the principal
    components).
    """

    centre: np.ndarray
    scale: np.ndarray
    components: np.ndarray
    variances: np.ndarray
    residual: float
    reference: np.ndarray

    @classmethod
    def fit(cls, learned: np.ndarray, held_out: np.ndarray) -> "Novelty | None":
        """Return the distance from the statistics of galaxies.

        Parameters
        ----------
        learned : ndarray, shape (N, S)
            Statistics of the training galaxies.
        held_out : ndarray, shape (R, S)
            Statistics of galaxies that the network did not learn from.

        Returns
        -------
        Novelty or None
            None if there are too few training galaxies, or all of their statistics are constant.
        """
        rows, columns = learned.shape
        count = min(COMPONENTS, rows // _FEWEST_ROWS, columns // 2)
        if count < 1:
            return None
        values = learned.astype(np.float64)
        centre, spread = values.mean(axis=0), values.std(axis=0)
        varying = spread[spread > 0]
        if not len(varying):
            return None
        # A statistic that hardly varies is divided by a fraction of the usual spread, not by nearly zero.
        scale = np.maximum(spread, 1e-3 * np.median(varying))
        _, lengths, axes = np.linalg.svd((values - centre) / scale, full_matrices=False)
        squares = lengths**2 / rows
        least = np.finfo(np.float32).eps * squares[0]
        residual = max(float(squares[count:].sum()), float(least))
        fitted = cls(
            centre.astype(np.float32),
            scale.astype(np.float32),
            axes[:count].astype(np.float32),
            np.maximum(squares[:count], least).astype(np.float32),
            residual,
            np.empty(0, np.float32),
        )
        distances = np.asarray(fitted.distance(tf.constant(held_out, tf.float32)))
        return fitted.with_reference(distances[np.isfinite(distances)])

    def about(self) -> dict[str, Any]:
        """Return what ``galmorph.json`` says of the distance: its source, and quantiles of the reference."""
        quantiles = (0.05, 0.5, 0.95, 0.99)
        found = np.quantile(self.reference, quantiles).tolist() if len(self.reference) else []
        return {
            "stages": list(STAGES),
            "components": len(self.variances),
            "reference": len(self.reference),
            "distances": dict(zip(map(str, quantiles), found, strict=False)),
        }

    def with_reference(self, distances: Sequence[float] | np.ndarray) -> "Novelty":
        """Return the same distance with other reference galaxies."""
        return replace(self, reference=np.sort(np.asarray(distances, np.float32)))

    def distance(self, statistics: tf.Tensor) -> tf.Tensor:
        """Return the distance of each picture.

        Parameters
        ----------
        statistics : tf.Tensor, float32, shape (N, S)

        Returns
        -------
        tf.Tensor, float32, shape (N,)
        """
        scaled = (statistics - self.centre) / self.scale
        along = tf.matmul(scaled, self.components, transpose_b=True)
        left_over = scaled - tf.matmul(along, self.components)
        inside = tf.reduce_mean(tf.square(along) / self.variances, axis=1)
        outside = tf.reduce_sum(tf.square(left_over), axis=1) / self.residual
        return tf.sqrt((inside + outside) / 2.0)

    def share(self, distances: tf.Tensor) -> tf.Tensor:
        """Return the share of the reference galaxies that are nearer.

        Parameters
        ----------
        distances : tf.Tensor, float32, shape (N,)

        Returns
        -------
        tf.Tensor, float32, shape (N,)
            0 to 1; NaN without reference galaxies and for distances that are NaN.
        """
        if not len(self.reference):
            return tf.fill(tf.shape(distances), float("nan"))
        nearer = tf.searchsorted(tf.constant(self.reference), distances, side="left")
        share = tf.cast(nearer, tf.float32) / float(len(self.reference))
        return tf.where(tf.math.is_nan(distances), float("nan"), share)


def fit_novelty(model: keras.Model, learned: Pictures, held_out: Pictures | None) -> Novelty | None:
    """Return the distance from the galaxies that a classifier learned from.

    Parameters
    ----------
    model : keras.Model
        A classifier from `trainer.model.build_classifier`.
    learned : Pictures
        The galaxies that it learned from.
    held_out : Pictures or None
        Galaxies that it did not learn from: the reference.

    Returns
    -------
    Novelty or None
        See `Novelty.fit`.
    """
    whole = with_taps(model)
    network = keras.Model(whole.input, whole.output[STATISTICS])
    known = _statistics(network, learned)
    return Novelty.fit(known, known[:0] if held_out is None else _statistics(network, held_out))


def _statistics(network: keras.Model, pictures: Pictures) -> np.ndarray:
    """Return the statistics of pictures (N, S), in the order of `Pictures.in_order`."""
    if not pictures.count():
        return np.empty((0, network.output_shape[-1]), np.float32)
    return predict(network, pictures)
