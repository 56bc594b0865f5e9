"""What TFX's Trainer runs."""

import time
from pathlib import Path
from typing import Any

import keras
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.dsl.io import fileio

from preprocessing.progress import report_progress
from preprocessing.settings import ImageSettings
from trainer.fit import fit_classifier
from trainer.input import picture_batches
from trainer.model import build_classifier
from trainer.settings import ModelSettings, TrainSettings
from trainer.signatures import export_model


class ReportEpochs(keras.callbacks.Callback):
    """Send each epoch's figures, and the share of the epoch done, to the log that the command line shows.

    Parameters
    ----------
    epochs : int
        Epochs in all, over both phases.
    interval : float
        Least time between two reports within an epoch [s].
    """

    def __init__(self, epochs: int, interval: float = 0.5) -> None:
        super().__init__()
        self._epochs = epochs
        self._interval = interval
        self._epoch = 0
        self._last = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Remember the epoch."""
        self._epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Report the share of the epoch that is done."""
        now = time.monotonic()
        if now - self._last < self._interval:
            return
        self._last = now
        share = (batch + 1) / (self.params.get("steps") or 1)
        self._report("training", share=share)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Report the figures of the epoch."""
        figures = {name: float(value) for name, value in (logs or {}).items()}
        self._report("epoch", **figures)

    def _report(self, phase: str, **figures: float) -> None:
        report_progress(phase, epoch=self._epoch, epochs=self._epochs, **figures)


def run_fn(fn_args: FnArgs) -> None:
    """Train the classifier and export it.

    Parameters
    ----------
    fn_args : FnArgs
        ``custom_config`` holds the tables ``image``, ``model``, ``train`` and ``decision`` of the
        configuration, and as ``flux`` the keys of ``data`` by which numbers become flux. TensorBoard's logs
        go to the ``model_run`` artifact.
    """
    config = fn_args.custom_config
    image = ImageSettings(**config["image"])
    model_settings = ModelSettings(**config["model"])
    train = TrainSettings(**config["train"])

    def batches(patterns: list[str], *, shuffle: bool = False):
        files = [path for pattern in patterns for path in fileio.glob(pattern)]
        return picture_batches(
            files, size=image.size, batch_size=train.batch_size, shuffle=shuffle, seed=train.seed
        )

    # With EfficientNetB7 a minute goes by before the first step.
    report_progress("building and compiling the network")
    model = build_classifier(
        backbone=model_settings.backbone,
        weights=model_settings.weights,
        weights_sha256=model_settings.weights_sha256,
        image_size=image.size,
        dropout=model_settings.dropout,
        policy=train.dtype_policy,
        seed=train.seed,
    )
    history = fit_classifier(
        model,
        batches(fn_args.train_files, shuffle=True),
        batches(fn_args.eval_files),
        settings=train,
        pretrained=model_settings.pretrained,
        log_dir=Path(fn_args.model_run_dir),
        callbacks=[ReportEpochs(train.epochs + train.fine_tune_epochs)],
    )
    export_model(
        model,
        Path(fn_args.serving_model_dir),
        image=image,
        uncertain=tuple(config["decision"]["uncertain"]),
        metadata={
            "flux": config["flux"],
            "model": model_settings.model_dump(mode="json"),
            "train": train.model_dump(mode="json"),
            "history": history,
        },
    )
