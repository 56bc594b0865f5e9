"""Pictures that show nothing stop a run; dark and burnt ones are told of."""

import numpy as np
import pytest
import tensorflow as tf
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import Examples

from components.artifacts import Warnings
from components.picture_gate.component import PictureError, PictureGate


def pictures(black: int, good: int, burnt: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    dark = [np.full((16, 16, 3), 0, np.uint8) + rng.integers(0, 3, (16, 16, 3), np.uint8)] * black
    fine = [rng.integers(0, 200, (16, 16, 3), np.uint8) for _ in range(good)]
    white = [rng.integers(0, 256, (16, 16, 3), np.uint8) for _ in range(burnt)]
    for picture in white:
        picture[rng.random((16, 16)) < 0.9] = 255
    return [*dark, *fine, *white]


def look(folder, shown: list[np.ndarray]) -> list[str]:
    """Run the component and return its warnings."""
    (folder / "Split-train").mkdir()
    options = tf.io.TFRecordOptions(compression_type="GZIP")
    with tf.io.TFRecordWriter(str(folder / "Split-train" / "data-0.gz"), options) as writer:
        for picture in shown:
            png = tf.train.BytesList(value=[tf.io.encode_png(picture).numpy()])
            feature = {"picture": tf.train.Feature(bytes_list=png)}
            writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())
    examples, warnings = Examples(), Warnings()
    examples.uri, warnings.uri = str(folder), str(folder / "warnings")
    examples.split_names = artifact_utils.encode_split_names(["train"])
    executor = PictureGate.EXECUTOR_SPEC.executor_class()
    executor.Do({"examples": [examples]}, {"warnings": [warnings]}, {"code": ""})
    return (folder / "warnings" / "warnings.txt").read_text().splitlines()


def test_pictures_of_one_colour_stop_the_run(tmp_path):
    with pytest.raises(PictureError, match=r"18 of 20 training galaxies are of one colour"):
        look(tmp_path, pictures(18, 2))


def test_some_of_them_do_not(tmp_path):
    assert look(tmp_path, pictures(3, 17)) == []


def test_saturated_pixels_are_counted(tmp_path):
    (line,) = look(tmp_path, pictures(0, 10, burnt=10))
    assert "20 training galaxies" in line and "% are saturated (255)" in line
    share = int(line.split("% are saturated")[0].rsplit(" ", 1)[1])
    assert 44 <= share <= 47, "0.9 of the pixels of half of the pictures, and one in 85 of the rest"
