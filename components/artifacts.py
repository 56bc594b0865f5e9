"""Artifact types of our own.

For Kubeflow Pipelines, TFX takes only type names of the form ``namespace.Name``; `kubeflow.entrypoint` finds
the class of ``galmorph.Name`` here.
"""

from tfx.types.artifact import Artifact


class IngestAccount(Artifact):
    """A folder with ``ingest.json`` and ``rejects.csv``."""

    TYPE_NAME = "galmorph.IngestAccount"


class Warnings(Artifact):
    """A folder with ``warnings.txt``: sentences for the user, one on each line."""

    TYPE_NAME = "galmorph.Warnings"


class MorphologyReport(Artifact):
    """A folder with the report: ``index.html``, ``metrics.json``, figures and the evidence files."""

    TYPE_NAME = "galmorph.MorphologyReport"


class BackboneFeatures(Artifact):
    """A folder with the features of every training and validation galaxy (`trainer.backbone_features`)."""

    TYPE_NAME = "galmorph.BackboneFeatures"


class FoldModel(Artifact):
    """A folder with a fold's weights and its out-of-fold predictions (`trainer.folds`)."""

    TYPE_NAME = "galmorph.FoldModel"


class CrossValidation(Artifact):
    """A folder with ``cross_validation.json`` and ``out_of_fold.csv``."""

    TYPE_NAME = "galmorph.CrossValidation"


class Predictions(Artifact):
    """A folder with the predictions for every galaxy (`components.prediction_gen.classify`)."""

    TYPE_NAME = "galmorph.Predictions"


class ModelCard(Artifact):
    """A folder with ``model_card.md``, ``model_card.html`` and ``origin.json``."""

    TYPE_NAME = "galmorph.ModelCard"


class Configuration(Artifact):
    """A folder with ``config.toml``, the resolved configuration of a run on Kubeflow Pipelines."""

    TYPE_NAME = "galmorph.Configuration"
