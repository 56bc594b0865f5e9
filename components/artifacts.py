"""Artifact types of our own."""

from tfx.types.artifact import Artifact


class IngestAccount(Artifact):
    """A folder with ``ingest.json`` and ``rejects.csv``."""

    TYPE_NAME = "IngestAccount"


class Warnings(Artifact):
    """A folder with ``warnings.txt``: sentences for the user, one on each line."""

    TYPE_NAME = "Warnings"


class MorphologyReport(Artifact):
    """A folder with the report: ``index.html``, ``metrics.json``, figures and the evidence files."""

    TYPE_NAME = "MorphologyReport"


class BackboneFeatures(Artifact):
    """A folder with the features of every training and validation galaxy (`trainer.backbone_features`)."""

    TYPE_NAME = "BackboneFeatures"


class FoldModel(Artifact):
    """A folder with a fold's weights and its out-of-fold predictions (`trainer.folds`)."""

    TYPE_NAME = "FoldModel"


class CrossValidation(Artifact):
    """A folder with ``cross_validation.json`` and ``out_of_fold.csv``."""

    TYPE_NAME = "CrossValidation"


class Predictions(Artifact):
    """A folder with the predictions for every galaxy (`components.prediction_gen.classify`)."""

    TYPE_NAME = "Predictions"


class ModelCard(Artifact):
    """A folder with ``model_card.md`` and ``model_card.html``."""

    TYPE_NAME = "ModelCard"
