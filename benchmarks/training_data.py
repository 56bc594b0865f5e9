"""Transformed Examples of a simulated survey, in the format of the pipeline's Transform."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import tensorflow as tf

from preprocessing import features
from preprocessing.features import CLASS_NAMES, TRAIN, VALIDATION
from preprocessing.picture import make_picture
from preprocessing.settings import ImageSettings
from simulation.objects import draw_object, render_object

FOLDS = 5
_LABELS = {name: label for label, name in CLASS_NAMES.items() if label >= 0}


def write_examples(folder: Path, galaxies: int, size: int) -> dict[str, list[str]]:
    """Write pictures of simulated spirals and ellipticals, two ninths of them for validation.

    Parameters
    ----------
    folder : Path
    galaxies : int
    size : int
        Side of the pictures [pixels].

    Returns
    -------
    dict of str to list of str
        Gzipped TFRecords by split.
    """
    image = ImageSettings(cut=size, size=size)
    files = {split: [str(folder / f"{split}.gz")] for split in (TRAIN, VALIDATION)}
    options = tf.io.TFRecordOptions(compression_type="GZIP")
    with (
        tf.io.TFRecordWriter(files[TRAIN][0], options) as train,
        tf.io.TFRecordWriter(files[VALIDATION][0], options) as validation,
    ):
        seen = dict.fromkeys(_LABELS.values(), 0)
        for name, label, png in _pictures(galaxies, image):
            writer = validation if seen[label] % 9 < 2 else train
            writer.write(transformed_example(name, label, png, seen[label] % FOLDS))
            seen[label] += 1
    return files


def take(files: Sequence[str], count: int, path: Path) -> list[str]:
    """Copy the first few Examples to another file."""
    records = tf.data.TFRecordDataset(list(files), compression_type="GZIP").take(count)
    with tf.io.TFRecordWriter(str(path), tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
        for record in records:
            writer.write(record.numpy())
    return [str(path)]


def _pictures(count: int, image: ImageSettings) -> Iterator[tuple[str, int, bytes]]:
    """Yield name, label and PNG of the first galaxies of either class in the simulated survey."""
    index = 0
    while count:
        target = draw_object(0, index)
        index += 1
        if target.galaxy.kind not in _LABELS:
            continue
        planes, _ = render_object(target, 0, image.bands, image.size)
        picture = make_picture(tf.constant(planes.transpose(1, 2, 0)[None]), image)[0]
        yield target.name, _LABELS[target.galaxy.kind], tf.io.encode_png(picture).numpy()
        count -= 1


def transformed_example(name: str, label: int, png: bytes, fold: int) -> bytes:
    """Return an Example in the format of Transform, with the class as its soft label."""

    def strings(value: bytes) -> tf.train.Feature:
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))

    def integers(value: int) -> tf.train.Feature:
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))

    feature = {
        features.NAME: strings(name.encode()),
        features.PICTURE: strings(png),
        features.LABEL: integers(label),
        features.FOLD: integers(fold),
        features.SOFT_LABEL: tf.train.Feature(float_list=tf.train.FloatList(value=[label])),
    }
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()
