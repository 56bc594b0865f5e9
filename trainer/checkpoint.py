"""The state of a training, kept on disk after each epoch, so that a killed one goes on."""

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np

from trainer.callbacks import KeepBest, finite

_STATE = "state.npz"


def checkpoint_folder(root: str, *about: Any) -> Path | None:
    """Return a folder for the state of a training, which depends on all that the training depends on.

    Parameters
    ----------
    root : str
        Folder of all such folders; empty where the platform has none that outlives a killed run.
    *about
        What JSON can hold: the recipe, the files learned from, the version of the code.
    """
    if not root:
        return None
    key = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:20]
    return Path(root, key)


class Checkpoint(keras.callbacks.Callback):
    """Keep the whole state of a training after each epoch: weights, optimizer, random numbers, best epoch.

    ``keras.callbacks.BackupAndRestore`` does not know the best weights so far nor the course of the losses;
    a training that went on from it would not end as an unbroken one.

    Must come after `KeepBest` among the callbacks.

    Parameters
    ----------
    folder : Path
        Of this training alone: its name should depend on all that the training depends on. Takes four times
        the weights with AdamW and a best epoch.
    best : KeepBest, optional
        Whose state is kept, too.
    """

    def __init__(self, folder: Path, best: KeepBest | None = None) -> None:
        super().__init__()
        self._folder = Path(folder)
        self._best = best
        self._history: list[dict[str, float]] = []

    def restore(self, model: keras.Model) -> list[dict[str, float]]:
        """Put a compiled model, and `best`, into the state that is on disk.

        Returns
        -------
        list of dict
            The figures of each epoch done so far; empty where there is no state, or one of another network.
        """
        path = self._folder / _STATE
        if not path.is_file():
            return []
        model.optimizer.build(model.trainable_variables)
        variables = _variables(model)
        with np.load(path) as state:
            about = json.loads(str(state["about"]))
            if about["shapes"] != [list(variable.shape) for variable in variables]:
                return []
            for number, variable in enumerate(variables):
                variable.assign(state[f"variable{number}"])
            if self._best is not None:
                self._best.waited = about["waited"]
            if self._best is not None and about["best_epoch"] is not None:
                weights = [state[f"best{number}"] for number in range(about["best_count"])]
                self._best.resume(about["best_epoch"], about["best_loss"], about["waited"], weights)
        self._history = about["history"]
        return list(self._history)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write the state beside the former one, then put it in its place."""
        self._history.append({name: float(value) for name, value in (logs or {}).items()})
        variables = _variables(self.model)
        arrays = {f"variable{number}": np.asarray(variable) for number, variable in enumerate(variables)}
        about: dict[str, Any] = {
            "history": self._history,
            "shapes": [list(variable.shape) for variable in variables],
            "best_epoch": None,
            "waited": self._best.waited if self._best is not None else 0,
        }
        best = self._best
        if best is not None and best.best_epoch is not None and best.weights is not None:
            arrays |= {f"best{number}": array for number, array in enumerate(best.weights)}
            about |= {"best_epoch": best.best_epoch, "best_loss": best.best_loss}
            about["best_count"] = len(best.weights)
        self._folder.mkdir(parents=True, exist_ok=True)
        incoming = self._folder / f"incoming-{os.getpid()}.npz"
        with open(incoming, "wb") as stream:
            arrays["about"] = np.array(json.dumps(about))
            np.savez(stream, allow_pickle=False, **arrays)
            stream.flush()
            os.fsync(stream.fileno())
        incoming.rename(self._folder / _STATE)

    @property
    def stopped(self) -> bool:
        """Whether the patience was at an end in the last epoch."""
        best = self._best
        return best is not None and bool(best.patience) and best.waited >= best.patience

    def keep_weights(self, model: keras.Model, name: str) -> Path | None:
        """Write the weights of the last epoch on disk as a file that ``[model] weights`` takes.

        Those of the best epoch, if the last ones are not finite.

        Returns
        -------
        Path or None
            None where no epoch was finished, or neither left finite weights.
        """
        if not self.restore(model):
            return None
        if not finite(model) and self._best is not None and self._best.weights is not None:
            model.set_weights(self._best.weights)
        if not finite(model):
            return None
        # The backbone of a classifier, which is what the configuration takes; any other network as a whole.
        inner = next((layer for layer in model.layers if isinstance(layer, keras.Model)), model)
        path = self._folder / f"{name}.weights.h5"
        inner.save_weights(path)
        return path

    def remove(self) -> None:
        """Forget the state: the training is over and its result is safe."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _variables(model: keras.Model) -> list[keras.Variable]:
    """Return all that the next step depends on: weights, random number generators, optimizer."""
    metrics = {id(variable) for variable in model.metrics_variables}
    network = [variable for variable in model.variables if id(variable) not in metrics]
    return [*network, *model.optimizer.variables]
