"""Artifact types of our own."""

from tfx.types.artifact import Artifact


class IngestReport(Artifact):
    """A folder with ``ingest.json`` and ``rejects.csv``."""

    TYPE_NAME = "IngestReport"


class MorphologyReport(Artifact):
    """A folder with ``metrics.json``, ``predictions.csv`` and figures."""

    TYPE_NAME = "MorphologyReport"


class BackboneFeatures(Artifact):
    """A folder with the features of every galaxy to learn from (`trainer.backbone_features`)."""

    TYPE_NAME = "BackboneFeatures"


class FoldModel(Artifact):
    """A folder with a fold's weights and its scores of galaxies that it has not seen (`trainer.folds`)."""

    TYPE_NAME = "FoldModel"


class CrossValidation(Artifact):
    """A folder with ``cross_validation.json`` and ``out_of_fold.csv``."""

    TYPE_NAME = "CrossValidation"
