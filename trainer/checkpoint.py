"""Save the state of a training after each epoch, so that a killed training can be resumed."""

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np

from trainer.callbacks import KeepBest, has_finite_weights

_STATE = "state.npz"


def checkpoint_folder(root: str, *about: Any) -> Path | None:
    """Return the checkpoint folder of a training. Its name is a hash of everything that defines the training.

    Parameters
    ----------
    root : str
        Parent folder; empty if the platform has no folder that survives a killed run.
    *about
        JSON values that identify the training: the recipe, the input files, the version of the code.
    """
    if not root:
        return None
    key = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:20]
    return Path(root, key)


class Checkpoint(keras.callbacks.Callback):
    """Save the whole state of a training after each epoch: weights, optimizer, random numbers, best epoch.

    ``keras.callbacks.BackupAndRestore`` stores neither the best weights so far nor the losses of earlier
    epochs, so that a resumed training would end differently from an uninterrupted one.

    Must come after `KeepBest` among the callbacks.

    Parameters
    ----------
    folder : Path
        Folder of this training only; see `checkpoint_folder`. With AdamW and a best epoch it takes four times
        the size of the weights.
    best : KeepBest, optional
        Its state is saved, too.
    """

    def __init__(self, folder: Path, best: KeepBest | None = None) -> None:
        super().__init__()
        self._folder = Path(folder)
        self._best = best
        self._history: list[dict[str, float]] = []

    def restore(self, model: keras.Model) -> list[dict[str, float]]:
        """Restore a compiled model, and `best`, from the state on disk.

        Returns
        -------
        list of dict
            The figures of each finished epoch; empty if there is no state, or one of another network.
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
        """Write the state beside the previous one, then replace that."""
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
        """Whether early stopping ended the training in the last epoch."""
        best = self._best
        return best is not None and bool(best.patience) and best.waited >= best.patience

    def keep_weights(self, model: keras.Model, name: str) -> Path | None:
        """Write the weights of the last saved epoch to a file that ``[model] weights`` accepts.

        If they are not finite, write those of the best epoch.

        Returns
        -------
        Path or None
            None if no epoch was finished, or neither has finite weights.
        """
        if not self.restore(model):
            return None
        if not has_finite_weights(model) and self._best is not None and self._best.weights is not None:
            model.set_weights(self._best.weights)
        if not has_finite_weights(model):
            return None
        # For a classifier only the backbone, which the configuration accepts; other networks as a whole.
        inner = next((layer for layer in model.layers if isinstance(layer, keras.Model)), model)
        path = self._folder / f"{name}.weights.h5"
        inner.save_weights(path)
        return path

    def remove(self) -> None:
        """Remove the state, after the result of the training has been saved."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _variables(model: keras.Model) -> list[keras.Variable]:
    """Return all variables that the next step depends on: weights, random number generators, optimizer."""
    metrics = {id(variable) for variable in model.metrics_variables}
    network = [variable for variable in model.variables if id(variable) not in metrics]
    return [*network, *model.optimizer.variables]
