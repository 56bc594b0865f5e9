"""Names of the files of an exported model, for those who write and who read them."""

MODEL_NAME = "galmorph"
"""Name under which TF Serving serves the model."""

EXTRA = "assets.extra"
"""Folder of a SavedModel that TensorFlow reserves for further files."""

SAVED_MODEL = "saved_model.pb"
"""The graph. TensorFlow prescribes the name; without it no server loads a version."""

METADATA_NAME = "galmorph.json"
METADATA_FILE = f"{EXTRA}/{METADATA_NAME}"
"""Bands, settings of the picture, decision interval and other properties of the model."""

WARM_UP_FILE = f"{EXTRA}/tf_serving_warmup_requests"
"""TFRecords of PredictionLog that TF Serving replays before it answers; it prescribes the name."""

ORIGIN_NAME = "origin.json"
ORIGIN_FILE = f"{EXTRA}/{ORIGIN_NAME}"
"""``{"candidate": ID}``: identifies what a published model was made of (`pipeline.nodes.values`)."""
