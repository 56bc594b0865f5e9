import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from preprocessing.settings import ImageSettings
from trainer.model import build_classifier
from trainer.settings import ModelSettings
from trainer.signatures import export_model
from trainer.warm_up import WARM_UP_SIZES

RULES = {
    "background": "sigma_clip",
    "zero_points": "header",
    "reference_zero_point": 25.0,
    "flux_factors": {"R": 1.5},
}
LIMITS = {"max_blank": 0.2, "max_saturated": 0.05, "cubes": False}


@pytest.mark.parametrize("flux", [None, RULES])
def test_every_request_is_answered(tmp_path, flux):
    model = build_classifier(ModelSettings(backbone="TinyConv", weights="none"), image_size=32, seed=1)
    image = ImageSettings(cut=40, size=32)
    export_model([model], tmp_path, image=image, uncertain=(0.25, 0.75), flux=flux, limits=LIMITS)
    signatures = tf.saved_model.load(str(tmp_path)).signatures
    path = tmp_path / "assets.extra" / "tf_serving_warmup_requests"
    asked = []
    for record in tf.data.TFRecordDataset(str(path)):
        request = PredictionLog.FromString(record.numpy()).predict_log.request
        assert request.model_spec.name == "galmorph"
        # By TensorFlow's C++ code, as in TF Serving, which must repeat the one value that is stored.
        inputs = {
            name: tf.io.parse_tensor(proto.SerializeToString(), tf.as_dtype(proto.dtype))
            for name, proto in request.inputs.items()
        }
        answers = signatures[request.model_spec.signature_name](**inputs)
        asked.append((request.model_spec.signature_name, len(answers["p_elliptical"])))
        # The flux of a request to classify_flux is constant, so that its class is unknown.
        known = np.isfinite(answers["p_elliptical"].numpy())
        assert known.all() != (request.model_spec.signature_name == "classify_flux")
    served = set(signatures) - {"describe_flux"}
    assert sorted(asked) == sorted((name, size) for name in served for size in WARM_UP_SIZES)
    assert path.stat().st_size < 200_000
