import subprocess
import sys

import pytest
from pydantic import ValidationError

from trainer.settings import AUGMENTATIONS, CrossValidationSettings, ModelSettings, TrainSettings


def test_defaults_are_the_published_network():
    model = ModelSettings()
    assert (model.backbone, model.weights, model.pretrained) == ("EfficientNetB7", "imagenet", True)
    assert TrainSettings().augment == AUGMENTATIONS


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("epochs", -1),
        ("fine_tune_epochs", -1),
        ("batch_size", 0),
        ("learning_rate", 0.0),
        ("learning_rate", 1.5),
        ("fine_tune_learning_rate", 0.0),
        ("weight_decay", -1e-9),
        ("label_smoothing", 0.5),
        ("label_smoothing", -0.1),
        ("warm_up", 1.0),
        ("warm_up", -0.1),
        ("patience", -1),
        ("augment", ["flip"]),
        ("augment", "flips"),
        ("mixed_precision", "float8"),
        ("seed", -1),
        ("learning_rate", float("nan")),
        ("no_such_key", 1),
    ],
)
def test_train_refuses_what_is_out_of_bounds(field, bad):
    with pytest.raises(ValidationError, match=field):
        TrainSettings(**{field: bad})


@pytest.mark.parametrize(
    ("field", "good"),
    [("epochs", 0), ("batch_size", 1), ("learning_rate", 1.0), ("label_smoothing", 0.0), ("warm_up", 0.0)],
)
def test_train_admits_the_bounds(field, good):
    assert getattr(TrainSettings(**{field: good}), field) == good


def test_no_epoch_at_all_is_refused():
    with pytest.raises(ValidationError, match="nothing would be trained"):
        TrainSettings(epochs=0, fine_tune_epochs=0)


@pytest.mark.parametrize(
    ("given", "kept"),
    [(True, AUGMENTATIONS), (False, ()), ([], ()), (["zoom", "flips", "zoom"], ("flips", "zoom"))],
)
def test_augment_is_a_switch_or_a_list(given, kept):
    assert TrainSettings(augment=given).augment == kept


@pytest.mark.parametrize(
    ("given", "policy"),
    [(True, "mixed_float16"), (False, "float32"), ("mixed_bfloat16", "mixed_bfloat16")],
)
def test_mixed_precision_is_a_switch_or_a_name(given, policy):
    assert TrainSettings(mixed_precision=given).dtype_policy == policy


def test_settings_survive_being_written_and_read():
    train = TrainSettings(augment=["flips"], mixed_precision=True)
    assert TrainSettings.model_validate_json(train.model_dump_json()) == train
    assert TrainSettings(**train.model_dump()) == train


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"backbone": "EfficientNetB8"}, "did you mean 'EfficientNetB"),
        ({"backbone": "TinyConv"}, 'weights = "none"'),
        ({"dropout": 1.0}, "dropout"),
        ({"weights": ""}, "weights"),
        ({"weights": "w.h5", "weights_sha256": "abc"}, "weights_sha256"),
        ({"weights_sha256": "0" * 64}, "needs a file of weights"),
        ({"bakbone": "TinyConv"}, "bakbone"),
        ({"calibration": "platt"}, "calibration"),
    ],
)
def test_model_refuses(values, message):
    with pytest.raises(ValidationError, match=message):
        ModelSettings(**values)


def test_weights_may_be_a_file():
    settings = ModelSettings(backbone="TinyConv", weights="mine.weights.h5", weights_sha256="0" * 64)
    assert settings.weights_are_file and settings.pretrained
    assert not ModelSettings(backbone="TinyConv", weights="none").pretrained


@pytest.mark.parametrize("publish", ["single", "ensemble", "best_fold"])
def test_temperature_scaling_needs_held_out_galaxies(publish):
    calibrated = ModelSettings(calibration="temperature")
    CrossValidationSettings(publish=publish, phases="all").check(TrainSettings(), calibrated)


@pytest.mark.parametrize(
    ("phases", "train", "like_it"),
    [
        ("all", {}, True),
        ("head", {}, False),
        ("auto", {}, False),
        ("none", {}, False),
        ("head", {"fine_tune_epochs": 0}, True),
        ("auto", {"epochs": 0}, True),
    ],
)
def test_the_temperature_of_a_retrained_model_is_that_of_folds_trained_like_it(phases, train, like_it):
    settings, train = CrossValidationSettings(publish="retrained", phases=phases), TrainSettings(**train)
    settings.check(train, ModelSettings())
    if like_it:
        settings.check(train, ModelSettings(calibration="temperature"))
        return
    with pytest.raises(ValueError, match=r'publish = "retrained" .*\[model\] calibration = "temperature"'):
        settings.check(train, ModelSettings(calibration="temperature"))


@pytest.mark.parametrize("publish", ["ensemble", "best_fold"])
def test_fine_tuning_is_not_skipped_silently(publish):
    def check(phases: str = "auto", **train) -> None:
        CrossValidationSettings(publish=publish, phases=phases).check(TrainSettings(**train), ModelSettings())

    with pytest.raises(ValueError, match=r'fine_tune_epochs = 20 .* Set phases = "all"'):
        check()
    check(phases="all")
    check(phases="head")
    check(fine_tune_epochs=0)
    check(epochs=0)
    CrossValidationSettings(publish="retrained").check(TrainSettings(), ModelSettings())


def test_every_setting_is_described():
    for settings in (ModelSettings, TrainSettings, CrossValidationSettings):
        for name, field in settings.model_fields.items():
            assert field.description, name


def test_settings_and_preflight_import_neither_tensorflow_nor_keras():
    code = (
        "import sys, trainer.settings, trainer.weights.preflight; "
        "sys.exit(sorted({'tensorflow', 'keras', 'tfx'} & set(sys.modules)) or 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
