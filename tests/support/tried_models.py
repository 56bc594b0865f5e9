"""Small models and galaxies for the trial in a server."""

import json
from pathlib import Path

import numpy as np
import tensorflow as tf
from raw_examples import stamp, write_raw

from preprocessing.settings import ImageSettings
from serving.validation.sample import Sample, sample_of
from trainer.model import build_classifier
from trainer.settings import ModelSettings
from trainer.signatures import export_model

IMAGE = ImageSettings(cut=40, size=32)
BANDS = "IRG"


def export(path: Path, seed: int = 1, **rules) -> Path:
    """Export a tiny classifier."""
    tiny = ModelSettings(backbone="TinyConv", weights="none")
    model = build_classifier(tiny, image_size=IMAGE.size, seed=seed)
    export_model([model], path, image=IMAGE, uncertain=(0.25, 0.75), **rules)
    return path


def description(path: Path) -> dict:
    """What an exported model says about itself."""
    return json.loads((path / "assets.extra/galmorph.json").read_text())


def records(folder: Path, count: int, side: int = 44) -> list[bytes]:
    """Raw Examples of galaxies."""
    file = folder / "raw"
    write_raw(file, {f"g{number}": stamp(number, BANDS, side) for number in range(count)})
    return [record.numpy() for record in tf.data.TFRecordDataset(str(file))]


def asked(path: Path, galaxies: list[bytes]) -> Sample:
    """The galaxies with the answers of the model, loaded in this process."""
    classify = tf.saved_model.load(str(path)).signatures["serving_default"]
    p = classify(examples=tf.constant(galaxies))["p_elliptical"].numpy().astype(np.float64)
    expected = {f"g{number}": value for number, value in enumerate(p)}
    return sample_of(galaxies, tuple(BANDS), expected)


def save(path: Path, like: Path, signatures: dict, *, tracked: tuple = ()) -> Path:
    """Save a model made of other models' signatures, with the description of one of them."""
    module = tf.Module()
    module.tracked = list(tracked)
    tf.saved_model.save(module, str(path), signatures=signatures)
    (path / "assets.extra").mkdir()
    (path / "assets.extra/galmorph.json").write_text((like / "assets.extra/galmorph.json").read_text())
    return path
