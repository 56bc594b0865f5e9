"""Compare what TensorFlow of this environment answers with what `serving_models.py` wrote.

    python scripts/serving_answers.py FOLDER

Needs TensorFlow and NumPy only. Ends with status 1 if a model does not load or an answer differs.
"""

import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

TOLERANCE = 1e-5


def compare(folder: Path) -> int:
    """Ask a model in both ways of loading; return the number of answers compared."""
    stored, compared = np.load(folder / "answers.npz", allow_pickle=True), 0
    model = str(folder / "model")
    loaders = {
        "saved_model.load": lambda: tf.saved_model.load(model).signatures,
        "v1.saved_model.load_v2": lambda: tf.compat.v1.saved_model.load_v2(model).signatures,
    }
    for way, load in loaders.items():
        signatures = load()
        for key in stored.files:
            signature, _, argument = key.partition("/")
            if "/" in argument or not argument:
                continue
            answers = signatures[signature](**{argument: tf.constant(stored[key].tolist())})
            for name, answer in answers.items():
                expected, found = stored[f"{signature}/answer/{name}"], answer.numpy()
                if expected.dtype.kind == "f":
                    np.testing.assert_allclose(found, expected, atol=TOLERANCE, err_msg=f"{way} {signature}")
                else:
                    assert np.array_equal(found, expected), (way, signature, name)
                compared += len(found)
    compared += _as_the_server_does(model, stored)
    _refuses(tf.saved_model.load(model).signatures)
    return compared


def _as_the_server_does(model: str, stored: np.lib.npyio.NpzFile) -> int:
    """Load the graph into a session, as TF Serving does, and run its tensors by name."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        meta = tf.compat.v1.saved_model.load(session, ["serve"], model)
        definition = meta.signature_def["classify_fits"]
        feed = {definition.inputs["fits"].name: stored["classify_fits/fits"].tolist()}
        found = session.run(definition.outputs["p_elliptical"].name, feed)
    np.testing.assert_allclose(found, stored["classify_fits/answer/p_elliptical"], atol=TOLERANCE)
    return len(found)


def _refuses(signatures: dict) -> None:
    try:
        signatures["classify_fits"](fits=tf.constant([["no FITS"] * 3]))
    except tf.errors.InvalidArgumentError as error:
        assert "object 0, band " in str(error), error
    else:
        raise AssertionError("a file that is no FITS was classified")


def main() -> None:
    """Compare all models and print what was compared."""
    folders = sorted(path for path in Path(sys.argv[1]).iterdir() if path.is_dir())
    assert folders
    for folder in folders:
        print(f"TensorFlow {tf.__version__}: {folder.name}, {compare(folder)} answers agree to {TOLERANCE:g}")


if __name__ == "__main__":
    main()
