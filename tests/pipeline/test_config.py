from pathlib import Path

import pytest

from pipeline.config import load_settings
from pipeline.errors import InputError

CONFIGS = Path(__file__).resolve().parents[2] / "configs"

MINIMAL = """
[pipeline]
root = "run"
[data]
labels = "labels.csv"
stamps = "stamps/{band}/{name}.fits"
[push]
directory = "/models"
"""


@pytest.fixture
def config(tmp_path) -> Path:
    path = tmp_path / "galmorph.toml"
    path.write_text(MINIMAL)
    return path


def test_defaults_are_the_published_method(config):
    settings = load_settings(config)
    assert settings.model.backbone == "EfficientNetB7" and settings.model.weights == "imagenet"
    assert settings.image.bands == ("I", "R", "G") and (settings.image.cut, settings.image.size) == (128, 128)
    assert (settings.image.stretch, settings.image.q, settings.image.minimum) == (3.0, 8.0, 0.0)
    assert (settings.split.train, settings.split.val, settings.split.test, settings.split.folds) == (
        0.7,
        0.2,
        0.1,
        5,
    )
    assert (settings.gate.min_accuracy, settings.gate.min_auc, settings.gate.max_accuracy_drop) == (
        0.95,
        0.98,
        0.005,
    )
    assert settings.decision.uncertain == (0.25, 0.75)


def test_paths_are_relative_to_the_file(config, tmp_path):
    settings = load_settings(config)
    assert settings.pipeline.root == str(tmp_path / "run")
    assert settings.data.stamps == str(tmp_path / "stamps/{band}/{name}.fits")
    assert settings.push.directory == "/models"
    assert settings.model.weights == "imagenet"


def test_exclude_takes_one_table_or_several(config, tmp_path):
    assert load_settings(config).data.exclude == () == load_settings(config, ["data.exclude="]).data.exclude
    one = load_settings(config, ["data.exclude=suspects.csv"])
    assert one.data.exclude == (str(tmp_path / "suspects.csv"),)
    several = load_settings(config, ['data.exclude=["a.csv", "/there/b.csv"]'])
    assert several.data.exclude == tuple(sorted([str(tmp_path / "a.csv"), "/there/b.csv"]))
    (tmp_path / "resolved.toml").write_text(several.to_toml())
    assert load_settings(tmp_path / "resolved.toml") == several


def test_overrides(config, tmp_path):
    overrides = ["image.stretch=5", "image.rgb=ZRG", 'data.labels="other.csv"', "train.augment=false"]
    settings = load_settings(config, overrides)
    assert settings.image.stretch == 5.0 and settings.image.bands == ("Z", "R", "G")
    assert settings.data.labels == str(tmp_path / "other.csv") and settings.train.augment == ()


def test_an_override_may_name_a_key_of_a_nested_table(config):
    overrides = ["kubeflow.pods.FoldTrainer-0.gpu=1", 'kubeflow.pods.Trainer.node_selector."a.b/pool"=gpu']
    pods = load_settings(config, overrides).kubeflow.pods
    assert pods["FoldTrainer-0"].gpu == 1 and pods["Trainer"].node_selector == {"a.b/pool": "gpu"}


def test_the_resolved_file_is_the_same_configuration(config, tmp_path):
    settings = load_settings(config, ["image.minimum=[0.0, 0.1, 0.2]", "image.rgb=R660G"])
    (tmp_path / "resolved.toml").write_text(settings.to_toml())
    assert load_settings(tmp_path / "resolved.toml") == settings


def test_temperature_scaling_of_a_retrained_model_needs_folds_that_are_trained_like_it(config):
    retrained = ["cross_validation.publish=retrained", "model.calibration=temperature"]
    with pytest.raises(InputError) as caught:
        load_settings(config, retrained)
    text = str(caught.value)
    assert '[cross_validation] publish = "retrained"' in text and 'set phases = "all"' in text
    assert "\n" not in text
    load_settings(config, [*retrained, "cross_validation.phases=all"])


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.toml")), ids=lambda path: path.stem)
def test_the_configurations_we_ship_are_valid(path):
    load_settings(path)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("image.strech=3", "unknown key [image] strech; did you mean 'stretch'?"),
        ("imag.stretch=3", "unknown key [imag]; did you mean 'image'?"),
        ("pipeline.root=", "[pipeline] root = '': "),
        ("push.directory=", "[push] directory = '': "),
        ("gate.min_accuracy=95", "[gate] min_accuracy = 95: "),
        ("gate.min_auc=-0.1", "[gate] min_auc = -0.1: "),
        ("data.exclude=3", "[data] exclude = 3: "),
        ('data.exclude=[""]', "[data] exclude"),
        ("image.cut=big", "[image] cut = 'big': "),
        ("image.rgb=XYZ", "[image] rgb = 'XYZ': unknown band 'X'"),
        ("image.stretch=nan", "[image] stretch = nan: "),
        ("split.test=0.5", "[split] train + val + test is 1.4, must be 1"),
        ("data.stamps=a/{name}.fits", "does not contain {band}"),
        ("model.backbone=EfficientNetB8", "EfficientNetB7"),
        ("decision.uncertain=[0.6, 0.7]", "[decision] uncertain must be an interval around 0.5"),
        ("data.bands=['R', 'G']", "[data] bands lacks I"),
        ("data.stamp_size=64", "[image] cut = 128 is larger than [data] stamp_size = 64"),
        ("pipeline.name=my_pipeline", "[pipeline] name = 'my_pipeline': "),
        ("train.epochs=true", "[train] epochs = True: "),
        ("nonsense", "--set nonsense: must have the form"),
        ("image=3", "--set image=3: must have the form"),
        ("image..stretch=3", "--set image..stretch=3: must have the form"),
        ("kubeflow.pods.Trainer.gpus=1", "unknown key [kubeflow] pods.Trainer.gpus; did you mean 'gpu'?"),
        ("pipeline.root.x=1", "--set pipeline.root.x=1: pipeline.root is not a table"),
    ],
)
def test_a_bad_key_or_value_is_named_in_one_line(config, override, message):
    with pytest.raises(InputError) as caught:
        load_settings(config, [override])
    assert message in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "misspelt", "known"),
    [("[pipeline]", "[pipelin]", "pipeline"), ("labels =", "lables =", "labels")],
)
def test_a_misspelt_key_is_not_reported_as_missing(config, key, misspelt, known):
    config.write_text(MINIMAL.replace(key, misspelt))
    with pytest.raises(InputError, match=f"unknown key .*; did you mean '{known}'"):
        load_settings(config)


def test_a_byte_order_mark_is_ignored(config):
    config.write_bytes(b"\xef\xbb\xbf" + MINIMAL.encode())
    assert load_settings(config).push.directory == "/models"


def test_files_that_are_no_configuration(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        load_settings(tmp_path / "absent.toml")
    (tmp_path / "broken.toml").write_text("[data\n")
    with pytest.raises(InputError, match="not valid TOML"):
        load_settings(tmp_path / "broken.toml")
    (tmp_path / "empty.toml").write_text("")
    with pytest.raises(InputError, match=r"\[pipeline\] is missing"):
        load_settings(tmp_path / "empty.toml")


@pytest.mark.parametrize(("given", "epochs"), [("", 0), ("[train]\nepochs = 4\n", 4)])
def test_epochs_are_0_by_default_with_random_weights(tmp_path, given, epochs):
    text = '[model]\nweights = "none"\nbackbone = "EfficientNetB0"\n' + given
    text += '[pipeline]\nroot = "r"\n[data]\nlabels = "l"\nstamps = "{band}{name}"\n[push]\ndirectory = "m"\n'
    (tmp_path / "galmorph.toml").write_text(text)
    settings = load_settings(tmp_path / "galmorph.toml")
    assert settings.train.epochs == epochs
    assert settings.cross_validation.trained(settings.train) == ("head" if epochs else "all")


def test_splus_toml_spells_out_every_default():
    from pipeline.config import Settings

    text = (CONFIGS / "splus.toml").read_text()
    for section, field in Settings.model_fields.items():
        assert f"[{section}]" in text
        for key in field.annotation.model_fields:
            assert any(line.lstrip("# ").startswith(f"{key} = ") for line in text.splitlines()), (
                f"{section}.{key}"
            )
    shipped = load_settings(CONFIGS / "splus.toml").model_dump()
    needed = {key: {"root", "labels", "stamps", "directory", "name"} for key in shipped}
    plain = Settings.model_validate(
        {
            "pipeline": {"root": "r"},
            "data": {"labels": "l", "stamps": "{name}{band}"},
            "push": {"directory": "d"},
        }
    ).model_dump()
    for section, values in shipped.items():
        for key, value in values.items():
            assert key in needed[section] or value == plain[section][key], f"{section}.{key}"
