"""Loads a SavedModel as TF Serving does and answers requests: the process of `ProcessServer`.

    python -P child.py MODEL DESCRIPTOR

Needs TensorFlow only. It talks over a connection of Python's `multiprocessing` with the number DESCRIPTOR.
It sends ``("loaded", about)`` or ``("failed", message)``; then it gets ``(signature, inputs)`` or None, and
sends ``("answer", outputs, seconds)`` or ``("refused", message)``, or the peak of its memory [bytes].
"""

import sys
import time
from multiprocessing.connection import Connection

for _package in ("keras", "tf_keras", "tfx", "components", "preprocessing", "trainer"):
    # A model that needs one of these cannot be served. TensorFlow does without Keras if it is not there.
    sys.modules[_package] = None  # type: ignore[assignment]

import tensorflow as tf  # noqa: E402

TAG = "serve"


def serve(path: str, connection: Connection) -> None:
    """Load a model and answer until the other side closes the connection."""
    session = tf.compat.v1.Session(graph=tf.Graph())
    started = time.perf_counter()
    try:
        with session.graph.as_default():
            definitions = tf.compat.v1.saved_model.load(session, [TAG], path).signature_def
    except Exception as error:
        connection.send(("failed", one_line(error)))
        return
    about = {
        "seconds": time.perf_counter() - started,
        "version": f"TensorFlow {tf.__version__}",
        "signatures": {
            name: {"inputs": sorted(definition.inputs), "outputs": sorted(definition.outputs)}
            for name, definition in definitions.items()
        },
    }
    connection.send(("loaded", about))
    while True:
        try:
            request = connection.recv()
        except EOFError:
            return
        if request is None:
            connection.send(peak_memory())
            continue
        signature, inputs = request
        definition = definitions[signature]
        outputs = {name: tensor.name for name, tensor in definition.outputs.items()}
        started = time.perf_counter()
        try:
            feed = {definition.inputs[name].name: value for name, value in inputs.items()}
            answer = session.run(outputs, feed)
        except (tf.errors.OpError, ValueError, KeyError) as error:
            connection.send(("refused", one_line(error)))
        else:
            connection.send(("answer", answer, time.perf_counter() - started))


def one_line(error: Exception) -> str:
    """Return the message of an error on one line."""
    message = getattr(error, "message", None) or str(error)
    return " ".join(message.split())[:500] or type(error).__name__


def peak_memory() -> int | None:
    """Return the peak resident memory [bytes]; None if the system does not tell."""
    # Not getrusage: after fork and exec its peak is that of the parent, if that is higher.
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return None


if __name__ == "__main__":
    serve(sys.argv[1], Connection(int(sys.argv[2])))
