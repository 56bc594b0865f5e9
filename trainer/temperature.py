"""Temperature scaling as a layer of the network."""

import keras

from evaluation.calibration import CLIP

TEMPERATURE = "temperature"
"""Key of the temperature in the output of HeldOutReference."""


class TemperatureScaling(keras.layers.Layer):
    """Temperature scaling of probabilities, like `evaluation.calibration.with_temperature`.

    Parameters
    ----------
    temperature : float
        Above 0.

    Notes
    -----
    Computes ``sigmoid(logit(p) / temperature)``, where p is clipped to a distance of `CLIP` from 0 and 1; NaN
    stays NaN. Input and output are float32, but the computation is in double precision, because single
    precision has no number so close to 1.
    """

    def __init__(self, temperature: float) -> None:
        super().__init__(dtype="float64", trainable=False)
        self._temperature = temperature

    def call(self, p_elliptical: keras.KerasTensor) -> keras.KerasTensor:
        """Return the scaled probabilities."""
        p = keras.ops.clip(p_elliptical, CLIP, 1.0 - CLIP)
        logit = keras.ops.log(p) - keras.ops.log1p(-p)
        return keras.ops.cast(keras.ops.sigmoid(logit / self._temperature), "float32")
