"""Loads a published model as a stranger would, with TensorFlow alone, and prints what it says.

python load_published_model.py MODEL TFRECORD-OF-RAW-EXAMPLES STAMPS, with {name} and {band} in STAMPS
"""

import json
import sys
from pathlib import Path

# Whoever needs one of these fails here; TensorFlow loads Keras where it finds it, and does without otherwise.
sys.modules.update(dict.fromkeys(["keras", "tf_keras", "tfx", "preprocessing", "trainer"]))

import tensorflow as tf  # noqa: E402

model = tf.saved_model.load(sys.argv[1])
records = [record.numpy() for record in tf.data.TFRecordDataset(sys.argv[2]).take(70)]


def values(record: bytes, feature: str) -> bytes:
    return tf.train.Example.FromString(record).features.feature[feature].bytes_list.value[0]


def plane(band: str) -> tf.Tensor:
    flat = tf.io.decode_raw([values(record, f"flux_{band}") for record in records], tf.float32)
    return tf.reshape(flat, (-1, 96, 96))


classify_examples = model.signatures["serving_default"]
classify_flux = model.signatures["classify_flux"]
answers = classify_examples(examples=tf.constant(records))
# Stamps of another size: the model cuts the same centre out.
flux = tf.pad(tf.stack([plane(band) for band in "IRG"], -1), [(0, 0), (7, 7), (4, 4), (0, 0)])
again = classify_flux(flux=flux)
described = model.signatures["describe_flux"](flux=flux)
names = [values(record, "name").decode() for record in records]
files = [[Path(sys.argv[3].format(name=name, band=band)).read_bytes() for band in "IRG"] for name in names]
from_files = model.signatures["classify_fits"](fits=tf.constant(files))
nothing = classify_examples(examples=tf.constant([], tf.string))

keys = ("p_elliptical", "p_spiral", "morphology")
print(
    json.dumps(
        {
            "names": names,
            "p": answers["p_elliptical"].numpy().tolist(),
            "flux_p": again["p_elliptical"].numpy().tolist(),
            "fits_p": from_files["p_elliptical"].numpy().tolist(),
            "described_p": described["p_elliptical"].numpy().tolist(),
            "shapes": [described[key].shape.as_list() for key in ("p_elliptical_models", "embedding")],
            "spiral": answers["p_spiral"].numpy().tolist(),
            "morphology": [word.decode() for word in answers["morphology"].numpy()],
            "kinds": [f"{answers[key].dtype.name}{answers[key].shape.rank}" for key in keys],
            "nothing": nothing["p_elliptical"].shape[0],
        }
    )
)
