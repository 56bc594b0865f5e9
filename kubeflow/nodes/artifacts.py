"""Artifact types that the user interface of Kubeflow Pipelines shows."""

from tfx.types.artifact import Artifact


class HTML(Artifact):
    """One HTML file, shown as a page."""

    TYPE_NAME = "system.HTML"


class Metrics(Artifact):
    """Numbers in the metadata, shown as a table; the comparison of runs has a column for each."""

    TYPE_NAME = "system.Metrics"


class ClassificationMetrics(Artifact):
    """ROC curve (``confidenceMetrics``) or ``confusionMatrix`` in the metadata, shown as a figure."""

    TYPE_NAME = "system.ClassificationMetrics"


SYSTEM_TYPES = {kind.TYPE_NAME: kind for kind in (HTML, Metrics, ClassificationMetrics)}
