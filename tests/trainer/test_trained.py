import numpy as np
import pytest
from transformed import recipe, synthetic

from trainer.fine_tune import start_classifier
from trainer.head import Head
from trainer.model import backbone_of
from trainer.recipe import BACKBONE_FILE, HEAD_FILE
from trainer.trained import load_classifier


def trained(settings, folder, *, backbone: bool):
    """Return a classifier with weights unlike those it began with, and leave them in a folder."""
    model = start_classifier(settings, None)
    random = np.random.default_rng(5)
    if backbone:
        network = backbone_of(model)
        network.set_weights([value + 0.1 * random.random(value.shape) for value in network.get_weights()])
        network.save_weights(folder / BACKBONE_FILE)
    Head(random.normal(size=backbone_of(model).output_shape[-1]).astype("f4"), -0.3).put_on(model)
    Head.of(model).save(folder / HEAD_FILE)
    return model


@pytest.mark.parametrize("name", ["TinyConv", "EfficientNetLite0", "EfficientNetB0"])
@pytest.mark.parametrize("backbone", [True, False])
def test_a_loaded_classifier_gives_the_same_probabilities(tmp_path, name, backbone):
    settings = recipe(model={"backbone": name})
    model = trained(settings, tmp_path, backbone=backbone)
    pictures = synthetic(6, 1)[0].astype("f4")
    np.testing.assert_allclose(load_classifier(settings, tmp_path)(pictures), model(pictures), atol=1e-5)


def test_loading_does_not_need_the_initial_weights(tmp_path):
    model = trained(recipe(), tmp_path, backbone=True)
    settings = recipe(model={"weights": str(tmp_path / "gone.weights.h5"), "weights_sha256": "0" * 64})
    pictures = synthetic(3, 1)[0].astype("f4")
    np.testing.assert_allclose(load_classifier(settings, tmp_path)(pictures), model(pictures), atol=1e-6)


def test_loading_requires_a_head(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_classifier(recipe(), tmp_path)
