"""Small sets of transformed Examples: round red blobs (elliptical) against blue bars (spiral), with noise."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from preprocessing.settings import ImageSettings
from trainer.recipe import Recipe
from trainer.settings import CrossValidationSettings, ModelSettings, TrainSettings

SIDE = 32


def synthetic(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (count, 32, 32, 3), uint8, and labels; every third is elliptical."""
    random = np.random.default_rng(seed)
    labels = (np.arange(count) % 3 == 0).astype(np.int64)
    y, x = np.mgrid[:SIDE, :SIDE] - 15.5
    blob, bar = np.exp(-(x**2 + y**2) / 60), np.exp(-(x**2) / 8 - y**2 / 200)
    pictures = random.normal(30, 8, (count, SIDE, SIDE, 3))
    for picture, label in zip(pictures, labels, strict=True):
        picture += (blob if label else bar)[..., None] * ((150, 90, 60) if label else (60, 90, 150))
    return pictures.clip(0, 255).astype(np.uint8), labels


def write_split(folder: Path, split: str, count: int, seed: int, *, folds: int = 3, labels=None) -> list[str]:
    """Write a split of transformed Examples in two files; soft labels lean to the class by 0.8."""
    pictures, classes = synthetic(count, seed)
    classes = classes if labels is None else np.asarray(labels)
    paths = [str(folder / f"{split}-{part}.gz") for part in range(2)]
    for part, path in enumerate(paths):
        with tf.io.TFRecordWriter(path, tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
            for number in range(part, count, 2):
                feature = {
                    "name": tf.train.BytesList(value=[f"{split}{number}".encode()]),
                    "picture": tf.train.BytesList(value=[tf.io.encode_png(pictures[number]).numpy()]),
                }
                wrapped = {name: tf.train.Feature(bytes_list=value) for name, value in feature.items()}
                sizes = {"height": SIDE + 8, "width": SIDE + 8 + number % 5 // 4}
                for name, value in {"label": classes[number], "fold": number // 3 % folds, **sizes}.items():
                    wrapped[name] = tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
                soft = 0.8 if classes[number] else 0.2
                measured = {"brightness": 10.0 + number, "half_light_radius": 3.0 + number / count}
                for name, value in {"soft_label": soft, **measured}.items():
                    wrapped[name] = tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
                writer.write(
                    tf.train.Example(features=tf.train.Features(feature=wrapped)).SerializeToString()
                )
    return paths


def recipe(*, model: dict | None = None, train: dict | None = None, **cross_validation) -> Recipe:
    """Return a recipe that trains the tiny network in a few seconds."""
    quick = {"epochs": 3, "fine_tune_epochs": 2, "batch_size": 16, "fine_tune_learning_rate": 3e-3}
    return Recipe(
        ImageSettings(cut=SIDE, size=SIDE),
        ModelSettings(**{"backbone": "TinyConv", "weights": "none"} | (model or {})),
        TrainSettings(**quick | {"patience": 0} | (train or {})),
        CrossValidationSettings(**cross_validation),
    )
