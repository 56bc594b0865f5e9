import keras
import numpy as np
import pytest

from trainer.backbones.efficientnet_lite import efficientnet_lite
from trainer.backbones.efficientnet_stages import round_filters


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("EfficientNetLite0", 4.652), ("EfficientNetLite1", 5.417), ("EfficientNetLite2", 6.092)],
)
def test_parameters_are_those_of_the_release(name, parameters):
    # EfficientNet-Lite release: 4.7, 5.4 and 6.1 million.
    model = efficientnet_lite(name, input_shape=(32, 32, 3))
    count = sum(int(np.prod(variable.shape)) for variable in model.trainable_weights)
    assert count / 1e6 == pytest.approx(parameters, abs=5e-4)


def test_native_size_and_outputs():
    assert efficientnet_lite("EfficientNetLite0").input_shape == (None, 224, 224, 3)
    shape = (64, 64, 3)
    assert efficientnet_lite("EfficientNetLite0", input_shape=shape).output_shape == (None, 1000)
    assert efficientnet_lite("EfficientNetLite0", include_top=False, input_shape=shape).output_shape == (
        None,
        2,
        2,
        1280,
    )
    assert efficientnet_lite(
        "EfficientNetLite0", include_top=False, input_shape=shape, pooling="avg"
    ).output_shape == (None, 1280)
    with pytest.raises(ValueError, match="pooling"):
        efficientnet_lite("EfficientNetLite0", pooling="mean")


@pytest.mark.parametrize(
    ("filters", "width", "rounded"), [(16, 1.1, 16), (24, 1.1, 24), (40, 1.1, 48), (10, 1, 16)]
)
def test_filters_are_multiples_of_eight_not_much_smaller(filters, width, rounded):
    assert round_filters(filters, width) == rounded


def test_stochastic_depth_acts_in_training_only():
    keras.utils.set_random_seed(0)
    model = efficientnet_lite(
        "EfficientNetLite0", include_top=False, input_shape=(32, 32, 3), drop_connect_rate=0.8
    )
    picture = np.random.default_rng(0).normal(size=(1, 32, 32, 3)).astype("float32")
    np.testing.assert_array_equal(model(picture, training=False), model(picture, training=False))
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False  # leaves stochastic depth as the only difference
    assert np.abs(np.asarray(model(picture, training=True)) - model(picture, training=False)).max() > 0


def test_without_stochastic_depth_there_is_no_dropout():
    model = efficientnet_lite(
        "EfficientNetLite0", include_top=False, input_shape=(32, 32, 3), drop_connect_rate=0.0
    )
    assert not any(isinstance(layer, keras.layers.Dropout) for layer in model.layers)


def test_save_and_reload(tmp_path):
    model = efficientnet_lite("EfficientNetLite0", include_top=False, input_shape=(32, 32, 3))
    model.save(tmp_path / "lite.keras")
    picture = np.ones((1, 32, 32, 3), "float32")
    again = keras.saving.load_model(tmp_path / "lite.keras")
    np.testing.assert_array_equal(model(picture), again(picture))
