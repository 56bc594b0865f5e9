import numpy as np
import pytest
import tensorflow as tf

from trainer.input import picture_batches


@pytest.fixture
def files(tmp_path) -> list[str]:
    """Two files with pictures whose every pixel is their number."""
    paths = []
    for part in range(2):
        paths.append(str(tmp_path / f"pictures-{part}.gz"))
        with tf.io.TFRecordWriter(paths[-1], tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
            for number in range(part * 10, part * 10 + 10):
                example = tf.train.Example()
                picture = tf.io.encode_png(np.full((8, 8, 3), number, np.uint8)).numpy()
                example.features.feature["picture"].bytes_list.value.append(picture)
                example.features.feature["label"].int64_list.value.append(number % 2)
                writer.write(example.SerializeToString())
    return paths


def numbers(dataset: tf.data.Dataset) -> list[int]:
    found = []
    for pictures, labels in dataset:
        assert pictures.dtype == tf.uint8 and pictures.shape[1:] == (8, 8, 3)
        assert (pictures[:, 0, 0, 0].numpy() % 2 == labels.numpy()).all(), "picture and label belong together"
        found += pictures[:, 0, 0, 0].numpy().tolist()
    return found


def test_everything_comes_once_and_in_order(files):
    assert numbers(picture_batches(files[::-1], size=8, batch_size=6)) == list(range(20))


def test_shuffled_anew_each_epoch_and_alike_in_every_run(files):
    epochs = []
    for _ in range(2):
        dataset = picture_batches(files, size=8, batch_size=6, shuffle=True, seed=3)
        epochs.append([numbers(dataset), numbers(dataset)])
    assert epochs[0] == epochs[1]
    assert epochs[0][0] != epochs[0][1] != sorted(epochs[0][1])
    assert sorted(epochs[0][0]) == list(range(20))


def test_a_picture_of_another_size_is_an_error(files):
    with pytest.raises(tf.errors.InvalidArgumentError):
        numbers(picture_batches(files, size=9, batch_size=6))
