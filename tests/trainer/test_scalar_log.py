import tensorflow as tf

from trainer.scalar_log import ScalarLog


def read(folder):
    """Return tag, epoch, value and plugin of every number in a folder of logs."""
    (path,) = folder.iterdir()
    found = []
    for record in tf.data.TFRecordDataset(str(path)):
        event = tf.compat.v1.Event.FromString(record.numpy())
        for value in event.summary.value:
            number = tf.make_ndarray(value.tensor).item()
            found.append((value.tag, event.step, round(number, 3), value.metadata.plugin_data.plugin_name))
    return found


def test_numbers_go_where_tensorboard_looks(tmp_path):
    log = ScalarLog(tmp_path)
    log.on_epoch_end(0, {"loss": 0.5, "val_loss": 0.6})
    log.on_train_end()
    log.on_epoch_end(1, {"loss": 0.4, "val_loss": 0.7})  # a second phase
    log.close()
    assert read(tmp_path / "train") == [("epoch_loss", 0, 0.5, "scalars"), ("epoch_loss", 1, 0.4, "scalars")]
    assert read(tmp_path / "validation") == [
        ("epoch_loss", 0, 0.6, "scalars"),
        ("epoch_loss", 1, 0.7, "scalars"),
    ]
