"""Accuracy and AUC for smoothed labels: labels above 0.5 count as elliptical."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("galmorph")
class Accuracy(keras.metrics.BinaryAccuracy):
    """Share of pictures whose probability is on the right side of 0.5."""

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add a batch. Class weights are ignored, because they are meant for the loss only."""
        super().update_state(ops.cast(ops.cast(y_true, "float32") > 0.5, "float32"), y_pred)


@keras.saving.register_keras_serializable("galmorph")
class AUC(keras.metrics.AUC):
    """Area under the ROC curve."""

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add a batch. Class weights are ignored, because they are meant for the loss only."""
        super().update_state(ops.cast(ops.cast(y_true, "float32") > 0.5, "float32"), y_pred)
