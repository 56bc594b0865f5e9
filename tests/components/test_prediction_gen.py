"""What is written of a model's answers; the model here reads its probability from the Example's magnitude."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tfx.components.util.model_utils import is_model_blessed
from tfx.types.standard_artifacts import Examples, Model, ModelBlessing, ModelEvaluation

from components.artifacts import Predictions
from components.fits_example_gen.examples import build_example
from components.model_evaluator.executor import VERDICT_FILE
from components.model_evaluator.executor import Executor as Evaluator
from components.prediction_gen.classify import classify_examples
from components.prediction_gen.compatibility import IncompatibleModelError
from components.prediction_gen.component import PredictionGen
from evaluation.formats.predictions import COLUMNS
from preprocessing.labels.reading import LabelledObject
from preprocessing.planes import Plane

BANDS = ["R", "I", "G"]
FLUX = {"background": "none", "zero_points": "none"}


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    path = str(tmp_path_factory.mktemp("model") / "Format-Serving")

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serving_default(examples):
        feature = {"magnitude": tf.io.FixedLenFeature([], tf.float32, default_value=float("nan"))}
        p = tf.io.parse_example(examples, feature)["magnitude"] / 32.0
        names = tf.where(p < 0.25, "spiral", tf.where(p > 0.75, "elliptical", "uncertain"))
        return {"p_elliptical": p, "p_spiral": 1 - p, "morphology": names}

    tf.saved_model.save(tf.Module(), path, signatures={"serving_default": serving_default})
    description = {"bands": BANDS, "image": {"rgb": BANDS, "cut": 8, "size": 32}, "flux": FLUX}
    (Path(path) / "assets.extra").mkdir()
    (Path(path) / "assets.extra" / "galmorph.json").write_text(json.dumps(description))
    return path


def write_examples(folder, split: str, magnitudes: list[float]) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    path = str(folder / "data.tfrecord")
    flux = np.arange(64, dtype=np.float32).reshape(8, 8)
    planes = {band: Plane(flux, 9, 10, saturated=0.125, blank=0.0) for band in BANDS}
    with tf.io.TFRecordWriter(path) as writer:
        for number, magnitude in enumerate(magnitudes):
            entry = LabelledObject(
                row=number,
                name=f"{split}, {number}",
                ra=10.123456789 if number else float("nan"),
                dec=-1.0,
                label=number % 2,
                magnitude=magnitude,
                vote_elliptical=float("nan"),
                vote_spiral=float("nan"),
            )
            writer.write(build_example(entry, planes, fold=number).SerializeToString())
    return [path]


def rows(path) -> list[dict]:
    with open(path, newline="") as table:
        return list(csv.DictReader(table))


def test_the_tables_hold_each_galaxy_once_with_every_digit_of_its_probability(model, tmp_path):
    magnitudes = np.random.default_rng(0).uniform(0, 30, 150).astype(np.float32)
    files = {
        "train": write_examples(tmp_path / "a", "train", list(magnitudes)),
        "test": write_examples(tmp_path / "b", "test", [3.0, 21.0]),
    }
    assert classify_examples(tmp_path, model, files, BANDS, FLUX) == 152
    predictions, galaxies = rows(tmp_path / "predictions.csv"), rows(tmp_path / "galaxies.csv")
    assert tuple(predictions[0]) == COLUMNS
    assert [row["name"] for row in predictions] == [row["name"] for row in galaxies]
    assert [row["split"] for row in predictions] == ["train"] * 150 + ["test"] * 2
    written = np.array([np.float32(row["p_elliptical"]) for row in predictions[:150]])
    np.testing.assert_array_equal(written, magnitudes / np.float32(32))
    assert (predictions[0]["ra"], predictions[1]["ra"]) == ("", "10.123456789")
    assert galaxies[3] == {
        "name": "train, 3",
        "split": "train",
        "fold": "3",
        "magnitude": str(magnitudes[3]),
        "height": "9",
        "width": "10",
        **{f"mean_{band}": "31.5" for band in BANDS},
        **{f"noise_{band}": galaxies[3]["noise_R"] for band in BANDS},
        **{f"saturated_{band}": "0.125" for band in BANDS},
        **{f"blank_{band}": "0.0" for band in BANDS},
    }


@pytest.mark.parametrize(
    ("splits", "expected"), [("[]", ["train"] * 2 + ["test"] * 2), ('["test"]', ["test"] * 2)]
)
def test_the_component_asks_the_model_about_the_splits(model, tmp_path, splits, expected):
    examples, trained, predictions = Examples(), Model(), Predictions()
    examples.uri, examples.split_names = str(tmp_path / "examples"), json.dumps(["train", "test"])
    for split in ("train", "test"):
        write_examples(tmp_path / "examples" / f"Split-{split}", split, [3.0, 20.0])
    trained.uri, predictions.uri = model.removesuffix("/Format-Serving"), str(tmp_path / "predictions")
    PredictionGen.EXECUTOR_SPEC.executor_class().Do(
        {"examples": [examples], "model": [trained]},
        {"predictions": [predictions]},
        {"bands": json.dumps(BANDS), "flux": json.dumps(FLUX), "splits": splits, "code": ""},
    )
    assert [row["split"] for row in rows(tmp_path / "predictions/predictions.csv")] == expected


def test_without_a_model_there_is_a_table_without_a_row(tmp_path):
    examples, predictions = Examples(), Predictions()
    examples.uri, predictions.uri = str(tmp_path / "examples"), str(tmp_path / "predictions")
    PredictionGen.EXECUTOR_SPEC.executor_class().Do(
        {"examples": [examples], "model": []},
        {"predictions": [predictions]},
        {"bands": json.dumps(BANDS), "flux": json.dumps(FLUX), "splits": '["test"]', "code": ""},
    )
    assert (tmp_path / "predictions/predictions.csv").read_text() == ",".join(COLUMNS) + "\n"


@pytest.mark.parametrize(
    ("needs", "key", "named"),
    [
        ({"bands": ["R", "I", "F515"]}, "bands", "F515"),
        ({"image": {"rgb": BANDS, "cut": 9, "size": 32}}, "stamp_size", "9 pixels"),
        ({"flux": {**FLUX, "zero_points": "header"}}, "zero_points", "'header'"),
    ],
)
def test_a_model_that_learned_from_other_stamps_is_refused(model, tmp_path, needs, key, named):
    shutil.copytree(model, tmp_path / "other")
    file = tmp_path / "other/assets.extra/galmorph.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **needs}))
    files = {"test": write_examples(tmp_path / "a", "test", [3.0])}
    with pytest.raises(IncompatibleModelError, match=rf"\[data\] {key}: .*{named}"):
        classify_examples(tmp_path, str(tmp_path / "other"), files, BANDS, FLUX)


def test_a_model_with_an_answer_that_is_no_number_is_refused_without_tfma(model, tmp_path):
    trained, predictions, evaluation, blessing = Model(), Predictions(), ModelEvaluation(), ModelBlessing()
    trained.uri, trained.id, predictions.uri = model, 7, str(tmp_path)
    evaluation.uri, blessing.uri = str(tmp_path / "evaluation"), str(tmp_path / "blessing")
    examples = write_examples(tmp_path / "a", "test", [3.0, float("nan")])
    classify_examples(tmp_path, model, {"test": examples}, BANDS, FLUX)
    Evaluator().Do(
        {"model": [trained], "predictions": [predictions]},
        {"evaluation": [evaluation], "blessing": [blessing]},
        {"gate": '{"min_galaxies": 1}'},
    )
    assert not is_model_blessed(blessing)
    assert blessing.get_int_custom_property("current_model_id") == 7
    assert [path.name for path in Path(evaluation.uri).iterdir()] == [VERDICT_FILE]
    verdict = json.loads((Path(evaluation.uri) / VERDICT_FILE).read_text())
    assert verdict["reasons"][0] == "p_elliptical is not a number for 1 of 2 galaxies (test, 1)"
    assert verdict["auc"] is None and not verdict["blessed"]
