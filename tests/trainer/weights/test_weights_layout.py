import keras
import pytest
from keras.src.utils.naming import to_snake_case

from trainer.backbone import build_backbone
from trainer.backbones.names import FACTS
from trainer.weights.layout import all_layouts, weights_layout


def assert_layout_is_that_of_the_network(name, image_size=None):
    keras.backend.clear_session()  # lets Keras begin anew to number the layers that have no name
    network = build_backbone(name, weights="none", image_size=image_size)
    size = image_size or FACTS[name].native_size
    assert network.input_shape == (None, size, size, 3)
    built = [
        (
            layer.name,
            to_snake_case(type(layer).__name__),
            tuple(tuple(array.shape) for array in layer.weights),
        )
        for layer in network.layers
        if layer.weights
    ]
    assert built == [tuple(needs) for needs in weights_layout(name)]


@pytest.mark.parametrize("name", ["EfficientNetB0", "EfficientNetB2", "EfficientNetLite2", "TinyConv"])
def test_the_table_is_that_of_the_network(name):
    assert_layout_is_that_of_the_network(name, image_size=64)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(FACTS))
def test_every_table_is_that_of_its_network_at_its_native_size(name):
    assert_layout_is_that_of_the_network(name)


def test_no_two_networks_have_the_same_shapes():
    shapes = {tuple(sorted(needs.shapes for needs in layout)) for layout in all_layouts().values()}
    assert len(shapes) == len(FACTS)
