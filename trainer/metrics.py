"""Accuracy and AUC for labels that may be smoothed: above one half means elliptical."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("galmorph")
class Accuracy(keras.metrics.BinaryAccuracy):
    """Share of pictures on the right side of one half."""

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Count a batch; class weights are for the loss, so they are left out here."""
        super().update_state(ops.cast(ops.cast(y_true, "float32") > 0.5, "float32"), y_pred)


@keras.saving.register_keras_serializable("galmorph")
class AUC(keras.metrics.AUC):
    """Area under the ROC curve."""

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Count a batch; class weights are for the loss, so they are left out here."""
        super().update_state(ops.cast(ops.cast(y_true, "float32") > 0.5, "float32"), y_pred)
