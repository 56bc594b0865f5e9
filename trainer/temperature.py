"""Temperature scaling, as a part of the network."""

import keras

from evaluation.calibration import CLIP


class TemperatureScaling(keras.layers.Layer):
    """Scale probabilities by a temperature: `evaluation.calibration.with_temperature` in the graph.

    Parameters
    ----------
    temperature : float
        Above 0.

    Notes
    -----
    ``sigmoid(logit(p) / temperature)`` of p clipped to `CLIP` from 0 and 1; NaN stays NaN. In double
    precision, because single precision has no number so near to 1; float32 comes in and goes out.
    """

    def __init__(self, temperature: float) -> None:
        super().__init__(dtype="float64", trainable=False)
        self._temperature = temperature

    def call(self, p_elliptical: keras.KerasTensor) -> keras.KerasTensor:
        """Return the scaled probabilities."""
        p = keras.ops.clip(p_elliptical, CLIP, 1.0 - CLIP)
        logit = keras.ops.log(p) - keras.ops.log1p(-p)
        return keras.ops.cast(keras.ops.sigmoid(logit / self._temperature), "float32")
