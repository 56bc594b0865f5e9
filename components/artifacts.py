"""Artifact types of our own."""

from tfx.types.artifact import Artifact


class IngestReport(Artifact):
    """A folder with ``ingest.json`` and ``rejects.csv``."""

    TYPE_NAME = "IngestReport"


class MorphologyReport(Artifact):
    """A folder with ``metrics.json``, ``predictions.csv`` and figures."""

    TYPE_NAME = "MorphologyReport"
