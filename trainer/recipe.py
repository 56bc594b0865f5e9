"""All settings that the training of a classifier depends on, as one value."""

from dataclasses import dataclass
from typing import Any

from preprocessing.settings import ImageSettings
from trainer.settings import CrossValidationSettings, ModelSettings, TrainSettings

BACKBONE_FILE = "backbone.weights.h5"
"""Weights of the trained backbone, in the format of Keras."""
HEAD_FILE = "head.npz"
"""The trained classifier head."""
HISTORY_FILE = "history.json"
"""Figures of each epoch of the head's training, beside `HEAD_FILE`."""


@dataclass(frozen=True)
class Recipe:
    """How a classifier is made: four tables of the configuration.

    Attributes
    ----------
    image, model, train, cross_validation
        The tables of the configuration.
    """

    image: ImageSettings
    model: ModelSettings
    train: TrainSettings
    cross_validation: CrossValidationSettings

    def dump(self) -> dict[str, Any]:
        """Return the tables in types that JSON can hold."""
        return {name: table.model_dump(mode="json") for name, table in vars(self).items()}

    @classmethod
    def load(cls, tables: dict[str, Any]) -> "Recipe":
        """Read what `dump` has returned."""
        return cls(
            ImageSettings(**tables["image"]),
            ModelSettings(**tables["model"]),
            TrainSettings(**tables["train"]),
            CrossValidationSettings(**tables["cross_validation"]),
        )

    @property
    def folds_train_networks(self) -> bool:
        """Whether each fold fine-tunes the network, not only trains its head."""
        return self.cross_validation.trained(self.train) == "all" and self.train.fine_tune_epochs > 0

    @property
    def feature_views(self) -> int:
        """Number of symmetries of each picture whose features are computed.

        Enough for training the head. If the folds train only the head, also enough for scoring: a fold must
        average over as many symmetries as the exported model does.
        """
        heads_are_scored = (
            self.cross_validation.trained(self.train) != "none" and not self.folds_train_networks
        )
        return max(self.train.views, self.model.views if heads_are_scored else 1)
