"""Temperature scaling in the exported model."""

import json
import subprocess
import sys
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from transformed import SIDE, recipe, write_split

from evaluation.calibration import calibration_error, fit_temperature, with_temperature
from preprocessing.features import flux_feature
from preprocessing.picture import make_picture
from trainer.fine_tune import probabilities, start_classifier
from trainer.galaxies import read_galaxies
from trainer.head import Head
from trainer.input import Pictures
from trainer.signatures import export_classifier
from trainer.temperature import TemperatureScaling
from trainer.train import run_fn
from trainer.trained import load_classifier

CONFIG = {
    "decision": {"uncertain": [0.25, 0.75]},
    "flux": {},
    "limits": {},
    "chunk": 0,
    "checkpoints": "",
    "code": "",
}
LOADER = """
import json, sys
sys.modules.update(dict.fromkeys(["keras", "tf_keras", "tfx", "preprocessing", "trainer", "evaluation"]))
import tensorflow as tf
import numpy as np
model = tf.saved_model.load(sys.argv[1])
flux = np.load(sys.argv[2])
print(json.dumps(model.signatures["classify_flux"](flux=tf.constant(flux))["p_elliptical"].numpy().tolist()))
"""


def flux(count: int) -> np.ndarray:
    return np.random.default_rng(count).uniform(0, 60, (count, SIDE, SIDE, 3)).astype("f4")


def examples(planes: np.ndarray) -> tf.Tensor:
    """Raw Examples of the same flux, bands I, R and G."""
    records = []
    for one in planes:
        feature = {
            flux_feature(band): tf.train.Feature(
                bytes_list=tf.train.BytesList(value=[one[..., number].astype("<f4").tobytes()])
            )
            for number, band in enumerate("IRG")
        }
        records.append(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())
    return tf.constant(records)


def spread_classifier(settings, sureness: float = 1.0) -> keras.Model:
    """A classifier of random weights, its probabilities spread out and its logits so many times as large."""
    model = start_classifier(settings, None)
    pictures = make_picture(flux(200), settings.image).numpy().astype("f4")
    head = Head.of(model)
    logits = np.log(np.asarray(model(pictures)) / (1 - np.asarray(model(pictures))))
    scale = sureness * 2 / logits.std()
    Head(head.kernel * scale, float(head.bias - logits.mean()) * scale).put_on(model)
    return model


def answers(path, planes) -> tuple[np.ndarray, np.ndarray]:
    """The outputs of both signatures."""
    signatures = tf.saved_model.load(str(path)).signatures
    of_examples = signatures["serving_default"](examples=examples(planes))
    of_flux = signatures["classify_flux"](flux=tf.constant(planes))
    for one in (of_examples, of_flux):
        assert one["p_elliptical"].dtype == one["p_spiral"].dtype == tf.float32
        np.testing.assert_allclose(one["p_elliptical"] + one["p_spiral"], 1, atol=1e-6)
    return of_examples["p_elliptical"].numpy(), of_flux["p_elliptical"].numpy()


@pytest.mark.parametrize("temperature", [0.05, 0.5, 1.0, 3.0, 20.0])
def test_the_layer_is_the_function(temperature):
    p = np.array([0, 1e-9, 1e-4, 0.3, 0.5, 0.9, 1 - 1e-6, 1, np.nan], np.float32)
    found = TemperatureScaling(temperature)(p[:, None]).numpy()[:, 0]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, with_temperature(p, temperature), rtol=1e-6, atol=1e-30)
    assert np.isnan(found[-1])


@pytest.mark.parametrize("views", [False, True])
def test_both_signatures_give_scaled_probabilities(tmp_path, views):
    settings = recipe(model={"dihedral_average": views})
    models = [spread_classifier(settings)]
    planes = flux(70)  # more than one chunk
    for name, temperature in (("plain", None), ("scaled", 2.5)):
        export_classifier(models, settings, CONFIG, tmp_path / name, {}, temperature)
        about = json.loads((tmp_path / name / "assets.extra" / "galmorph.json").read_text())
        assert about["temperature"] == temperature
    for plain, scaled in zip(
        answers(tmp_path / "plain", planes), answers(tmp_path / "scaled", planes), strict=True
    ):
        np.testing.assert_allclose(scaled, with_temperature(plain, 2.5), atol=1e-6)
        assert np.abs(scaled - plain).max() > 0.01


def test_nan_stays_nan(tmp_path):
    settings = recipe()
    model = spread_classifier(settings)
    Head(np.full(64, np.nan, np.float32), 0.0).put_on(model)
    export_classifier([model], settings, CONFIG, tmp_path, {}, 2.0)
    found = tf.saved_model.load(str(tmp_path)).signatures["classify_flux"](flux=tf.constant(flux(2)))
    assert np.isnan(found["p_elliptical"]).all() and set(found["morphology"].numpy()) == {b"uncertain"}


def test_temperature_scaling_corrects_overconfidence(tmp_path):
    settings = recipe()
    honest, sure = spread_classifier(settings), spread_classifier(settings, sureness=4.0)
    planes = flux(800)
    export_classifier([honest], settings, CONFIG, tmp_path / "honest", {})
    export_classifier([sure], settings, CONFIG, tmp_path / "sure", {})
    truth, raw = (
        tf.saved_model.load(str(tmp_path / name))
        .signatures["classify_flux"](flux=tf.constant(planes))["p_elliptical"]
        .numpy()
        for name in ("honest", "sure")
    )
    labels = (np.random.default_rng(3).random(800) < truth).astype(int)
    temperature = fit_temperature(labels[:400], raw[:400])
    export_classifier([sure], settings, CONFIG, tmp_path / "mended", {}, temperature)
    mended = answers(tmp_path / "mended", planes[400:])[1]
    assert temperature == pytest.approx(4, rel=0.3)
    assert calibration_error(labels[400:], mended) < 0.6 * calibration_error(labels[400:], raw[400:])


def test_it_loads_with_tensorflow_alone(tmp_path):
    settings = recipe(model={"dihedral_average": True})
    export_classifier([spread_classifier(settings)], settings, CONFIG, tmp_path / "model", {}, 2.0)
    np.save(tmp_path / "flux.npy", flux(3))
    command = [sys.executable, "-c", LOADER, str(tmp_path / "model"), str(tmp_path / "flux.npy")]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    np.testing.assert_allclose(json.loads(result.stdout), answers(tmp_path / "model", flux(3))[1], atol=1e-6)


@pytest.mark.parametrize("calibration", ["none", "temperature"])
def test_the_trainer_fits_it_on_the_validation_split(tmp_path, calibration):
    # Labels with errors: where every galaxy is right there is nothing to fit.
    labels = [int((number % 3 == 0) != (number % 7 == 0)) for number in range(48)]
    train = write_split(tmp_path, "train", 48, 0, labels=labels)
    validation = write_split(tmp_path, "val", 48, 1, labels=labels)
    settings = recipe(model={"calibration": calibration, "dihedral_average": True}, train={"epochs": 0})
    run_fn(
        SimpleNamespace(
            custom_config={**settings.dump(), **CONFIG},
            train_files=train,
            eval_files=validation,
            base_model=None,
            hyperparameters=None,
            model_run_dir=str(tmp_path / "run"),
            serving_model_dir=str(tmp_path / "model"),
        )
    )
    about = json.loads((tmp_path / "model" / "assets.extra" / "galmorph.json").read_text())
    if calibration == "none":
        assert about["temperature"] is None
        return
    model = load_classifier(settings, tmp_path / "run")
    raw = probabilities(model, settings, Pictures(validation, SIDE, 16))
    galaxies = read_galaxies({"val": validation})
    assert about["temperature"] == pytest.approx(fit_temperature(galaxies.labels, raw), rel=1e-3)
    assert about["temperature"] != 1.0
    export_classifier([model], settings, CONFIG, tmp_path / "again", {})
    plain, scaled = (answers(tmp_path / name, flux(5))[1] for name in ("again", "model"))
    np.testing.assert_allclose(scaled, with_temperature(plain, about["temperature"]), atol=1e-5)
