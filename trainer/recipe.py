"""All that says how a classifier is made, as one value that travels through the pipeline."""

from dataclasses import dataclass
from typing import Any

from preprocessing.settings import ImageSettings
from trainer.settings import CrossValidationSettings, ModelSettings, TrainSettings

BACKBONE_FILE = "backbone.weights.h5"
"""Where a training leaves its backbone, as Keras reads it."""
HEAD_FILE = "head.npz"
"""Where it leaves the top."""
HISTORY_FILE = "history.json"
"""Where the course of the top's training stands beside it."""


@dataclass(frozen=True)
class Recipe:
    """How a classifier is made.

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
        """Return it in the types of JSON."""
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
        """Whether each fold trains the network, and not only its head."""
        return self.cross_validation.trained(self.train) == "all" and self.train.fine_tune_epochs > 0

    @property
    def feature_views(self) -> int:
        """Symmetries of each picture whose features are computed.

        Those that the top learns from, and, where folds of the top are scored by them, those that the
        exported model averages over: else something else would be measured than is served.
        """
        heads_are_scored = (
            self.cross_validation.trained(self.train) != "none" and not self.folds_train_networks
        )
        return max(self.train.views, self.model.views if heads_are_scored else 1)
