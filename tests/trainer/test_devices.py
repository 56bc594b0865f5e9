"""Training over several processors: two virtual ones stand in for two GPUs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf

from trainer.devices import strategy

PROGRAM = """
import json, sys
sys.path.insert(0, sys.argv[1])
import pytest
import tensorflow as tf
(cpu,) = tf.config.list_physical_devices("CPU")
part = tf.config.LogicalDeviceConfiguration()
tf.config.set_logical_device_configuration(cpu, [part, part])
listed = tf.config.list_logical_devices
from trainer import devices
devices.tf.config.list_logical_devices = lambda kind=None: listed("CPU") if kind == "GPU" else listed(kind)
from transformed import recipe, write_split
from pathlib import Path
from trainer.checkpoint import Checkpoint
from trainer.fine_tune import fine_tune, start_classifier
from trainer.galaxies import read_galaxies
from trainer.input import Pictures
spread = devices.strategy() if sys.argv[3] == "spread" else tf.distribute.get_strategy()
files = {"train": write_split(Path(sys.argv[2]), "train", 48, 0)}
settings = recipe(train={"epochs": 0, "fine_tune_epochs": 6, "augment": False}, model={"dropout": 0.0})
with spread.scope():
    model = start_classifier(settings, None)
    pictures, state = Pictures(files["train"], 32, 16), Path(sys.argv[2], "state")
    history = fine_tune(
        model, settings, pictures, read_galaxies(files), pictures, has_head=False, checkpoint=state
    )
print(json.dumps({"replicas": spread.num_replicas_in_sync, "loss": history["loss"]}))
"""


def train(folder: Path, how: str) -> dict:
    folder.mkdir()
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(Path(__file__).parent), str(folder), how],
        capture_output=True,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert result.returncode == 0, result.stderr[-3000:]
    return json.loads(result.stdout.splitlines()[-1])


def test_two_processors_share_each_batch(tmp_path):
    spread, alone = train(tmp_path / "spread", "spread"), train(tmp_path / "alone", "alone")
    assert (spread["replicas"], alone["replicas"]) == (2, 1)
    assert (tmp_path / "spread/state/state.npz").is_file()
    # Batch norm sees half a batch on each processor, so the courses are alike and not the same.
    assert spread["loss"][0] == pytest.approx(alone["loss"][0], rel=0.2)
    assert spread["loss"][-1] < 0.8 * spread["loss"][0]


def test_one_processor_needs_no_strategy():
    assert strategy() is tf.distribute.get_strategy()
