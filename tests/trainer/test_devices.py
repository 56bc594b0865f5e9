"""Training over several processors: two virtual ones stand in for two GPUs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf
from transformed import recipe, write_split

from trainer.devices import strategy
from trainer.fine_tune import fine_tune, start_classifier
from trainer.galaxies import read_galaxies
from trainer.input import Pictures

PROGRAM = """
import json, sys
from pathlib import Path
sys.path[:0] = sys.argv[1:3]
import tensorflow as tf
(cpu,) = tf.config.list_physical_devices("CPU")
part = tf.config.LogicalDeviceConfiguration()
tf.config.set_logical_device_configuration(cpu, [part, part])
listed = tf.config.list_logical_devices
from trainer import devices
devices.tf.config.list_logical_devices = lambda kind=None: listed("CPU") if kind == "GPU" else listed(kind)
from test_devices import course
spread = devices.strategy()
with spread.scope():
    loss = course(Path(sys.argv[3]))
print(json.dumps({"replicas": spread.num_replicas_in_sync, "loss": loss}))
"""


def course(folder: Path) -> list[float]:
    """Return the losses of a short training of the network."""
    files = {"train": write_split(folder, "train", 48, 0)}
    settings = recipe(train={"epochs": 0, "fine_tune_epochs": 6, "augment": False}, model={"dropout": 0.0})
    model, pictures = start_classifier(settings, None), Pictures(files["train"], 32, 16)
    galaxies, state = read_galaxies(files), folder / "state"
    history = fine_tune(model, settings, pictures, galaxies, pictures, has_head=False, checkpoint=state)
    return history["loss"]


@pytest.mark.slow
def test_two_processors_share_each_batch(tmp_path):
    folders = [tmp_path / "spread", tmp_path / "alone"]
    for folder in folders:
        folder.mkdir()
    here = Path(__file__).resolve()
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(here.parents[2]), str(here.parent), str(folders[0])],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    spread, alone = json.loads(result.stdout.splitlines()[-1]), course(folders[1])
    assert spread["replicas"] == 2 and (folders[0] / "state/state.npz").is_file()
    # Batch norm sees half a batch on each processor, so the courses are alike and not the same.
    assert spread["loss"][0] == pytest.approx(alone[0], rel=0.2)
    assert spread["loss"][-1] < 0.8 * spread["loss"][0]


def test_one_processor_needs_no_strategy():
    assert strategy() is tf.distribute.get_strategy()
