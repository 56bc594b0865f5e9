"""Write the figures of each epoch as TensorBoard logs, without the package ``tensorboard``.

``keras.callbacks.TensorBoard`` needs this package, which TensorFlow no longer installs. It is needed only to
view the logs.
"""

from pathlib import Path

import keras
import tensorflow as tf
from tensorflow.core.framework import summary_pb2

_SCALAR = summary_pb2.SummaryMetadata(
    plugin_data=summary_pb2.SummaryMetadata.PluginData(plugin_name="scalars"),
    data_class=summary_pb2.DATA_CLASS_SCALAR,
)


class ScalarLog(keras.callbacks.Callback):
    """Log all figures of each epoch, over several calls of ``fit``.

    Parameters
    ----------
    log_dir : Path
        Folder of the logs, with subfolders ``train`` and ``validation`` as in the Keras callback.
    """

    def __init__(self, log_dir: Path):
        super().__init__()
        self._writers = {
            part: tf.summary.create_file_writer(str(Path(log_dir) / part)) for part in ("train", "validation")
        }

    def on_epoch_end(self, epoch, logs=None):
        """Write the figures of the epoch."""
        for name, value in (logs or {}).items():
            writer = self._writers["validation" if name.startswith("val_") else "train"]
            with writer.as_default():
                tag = f"epoch_{name.removeprefix('val_')}"
                tf.summary.write(tag, tf.constant(value, tf.float32), step=epoch, metadata=_SCALAR)

    def on_train_end(self, logs=None):
        """Flush the files after each phase."""
        for writer in self._writers.values():
            writer.flush()

    def close(self) -> None:
        """Close the files."""
        for writer in self._writers.values():
            writer.close()
