"""PictureGate: stops a run before training if nearly all pictures are of one colour."""

import os
from collections.abc import Iterable

import tensorflow as tf
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.io import fileio
from tfx.types.standard_artifacts import Examples

from components.artifacts import Warnings
from components.example_files import files_by_split
from preprocessing.features import PICTURE, TRAIN
from preprocessing.progress import WARNINGS_FILE, send_progress
from report.inspection.picture_findings import PictureCounts, picture_findings


class PictureError(Exception):
    """Nearly all pictures are of one colour; the message states their number and what to do."""


@component
def PictureGate(
    examples: InputArtifact[Examples], warnings: OutputArtifact[Warnings], code: Parameter[str]
) -> None:
    """Raise `PictureError` if nearly all training pictures are of one colour.

    Parameters
    ----------
    examples : Examples
        Transformed Examples.
    warnings : Warnings
        Output with a sentence if many pixels are black or saturated.
    code : str
        Fingerprint of our own code, for the cache.
    """
    counts = count_pictures(files_by_split(examples)[TRAIN])
    findings = picture_findings(counts, "training galaxies")
    for finding in findings:
        if finding.kind == "stop":
            raise PictureError(f"{finding.text} {finding.remedy}")
    fileio.makedirs(warnings.uri)
    with fileio.open(os.path.join(warnings.uri, WARNINGS_FILE), "w") as file:
        file.write("".join(f"{finding.text} {finding.remedy}\n" for finding in findings))


def count_pictures(files: Iterable[str]) -> PictureCounts:
    """Count the pictures of transformed Examples.

    Parameters
    ----------
    files : iterable of str

    Returns
    -------
    PictureCounts
    """
    counts = PictureCounts()
    wanted = {PICTURE: tf.io.FixedLenFeature([], tf.string)}
    for record in tf.data.TFRecordDataset(list(files), compression_type="GZIP"):
        png = tf.io.parse_single_example(record, wanted)[PICTURE]
        counts.count(tf.io.decode_png(png, channels=3).numpy())
        if counts.pictures % 256 == 0:
            send_progress("looking at pictures", count=counts.pictures)
    return counts
