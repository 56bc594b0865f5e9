"""Training on several processors, with virtual devices in place of GPUs."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from transformed import recipe, synthetic, write_split

from trainer.devices import share, strategy
from trainer.fine_tune import fine_tune, probabilities, start_classifier
from trainer.galaxies import read_galaxies
from trainer.input import Pictures
from trainer.model import backbone_of

PROGRAM = """
import json, sys
from pathlib import Path
sys.path[:0] = sys.argv[4:]
import tensorflow as tf
(cpu,) = tf.config.list_physical_devices("CPU")
part = tf.config.LogicalDeviceConfiguration()
tf.config.set_logical_device_configuration(cpu, [part] * int(sys.argv[2]))
listed = tf.config.list_logical_devices
from trainer import devices
devices.tf.config.list_logical_devices = lambda kind=None: listed("CPU") if kind == "GPU" else listed(kind)
import test_devices
spread = devices.strategy()
with spread.scope():
    found = getattr(test_devices, sys.argv[3])(Path(sys.argv[1]))
print(json.dumps({"replicas": spread.num_replicas_in_sync, "found": found}))
"""


def course(folder: Path) -> list[float]:
    """Return the losses of a short training of the network."""
    files = {"train": write_split(folder, "train", 48, 0)}
    settings = recipe(train={"epochs": 0, "fine_tune_epochs": 6, "augment": False}, model={"dropout": 0.0})
    model, pictures = start_classifier(settings, None), Pictures(files["train"], 32, 16)
    galaxies, state = read_galaxies(files), folder / "state"
    history = fine_tune(model, settings, pictures, galaxies, pictures, has_head=False, checkpoint=state)
    return history["loss"]


def remainders(folder: Path) -> list[dict]:
    """Train, with batch norms that learn and that do not, where the last batch cannot be shared equally."""
    started = folder / "start.weights.h5"
    backbone_of(start_classifier(recipe(), None)).save_weights(started)
    found = []
    for count, unseen, weights in ((49, 49, "none"), (49, 5, str(started))):
        files = {
            name: write_split(folder, f"{name}{unseen}", number, seed)
            for name, number, seed in (("train", count, 0), ("val", unseen, 1))
        }
        train = {"epochs": 0, "fine_tune_epochs": 2, "augment": False}
        settings = recipe(train=train, model={"weights": weights})
        model = start_classifier(settings, None)
        validation = Pictures(files["val"], 32, 16)
        history = fine_tune(
            model,
            settings,
            Pictures(files["train"], 32, 16),
            read_galaxies({"train": files["train"]}),
            validation,
            has_head=True,
        )
        said = probabilities(model, settings, validation).astype("f8")
        order = [*range(0, unseen, 2), *range(1, unseen, 2)]
        pictures, labels = (column[order] for column in synthetic(unseen, 1))
        alone = model(pictures.astype("f4"), training=False).numpy()[:, 0]
        loss = -np.mean(np.log(np.where(labels == 1, said, 1 - said)))
        found.append(
            {
                "norms_learn": weights == "none",
                "loss": history["loss"],
                "difference": float(np.abs(alone - said).max()) if len(alone) == len(said) else None,
                "best_val_loss": history["best_val_loss"][0],
                "mean_loss": float(loss),
            }
        )
    return found


def spread_over(replicas: int, what: str, folder: Path):
    """Return the result of a function of this module, run on several processors in a child process."""
    here = Path(__file__).resolve()
    imported = (here.parents[2], here.parent, here.parents[1] / "support")
    arguments = map(str, (folder, replicas, what, *imported))
    result = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-3000:]
    answer = json.loads(result.stdout.splitlines()[-1])
    assert answer["replicas"] == replicas
    return answer["found"]


@pytest.mark.slow
def test_two_processors_share_each_batch(tmp_path):
    folders = [tmp_path / "spread", tmp_path / "alone"]
    for folder in folders:
        folder.mkdir()
    spread, alone = spread_over(2, "course", folders[0]), course(folders[1])
    assert (folders[0] / "state/state.npz").is_file()
    # Batch norm sees half a batch on each processor, so the courses are alike and not the same.
    assert spread[0] == pytest.approx(alone[0], rel=0.2)
    assert spread[-1] < 0.8 * spread[0]


@pytest.mark.slow
def test_no_processor_is_left_without_a_picture(tmp_path):
    for found in spread_over(2, "remainders", tmp_path):
        assert np.isfinite(found["loss"]).all()
        # Each picture counts once in the validation and in the predictions, in order.
        assert found["difference"] == pytest.approx(0, abs=1e-5)
        # Keras lets the statistics of batch norms that learn differ a little between processors.
        exact = 2e-2 if found["norms_learn"] else 1e-5
        assert found["best_val_loss"] == pytest.approx(found["mean_loss"], rel=exact)


def test_one_processor_needs_no_strategy():
    assert strategy() is tf.distribute.get_strategy()
    batches = tf.data.Dataset.range(3).batch(2)
    assert share(batches, strategy()) is batches
