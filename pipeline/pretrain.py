"""`galmorph pretrain`: train a backbone on galaxies and write its weights."""

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from evaluation.formats.exported_model import METADATA_NAME
from pipeline.child import Job, opened_log, run_jobs
from pipeline.config import Settings, demo_config, load_settings
from pipeline.errors import ExitStatus, InputError
from pipeline.preflight import check_data, check_weights
from pipeline.pretrained import already_seen, provenance, provenance_file
from pipeline.run import fail, peak_memory, say_interrupted, show_notes, show_rows
from preprocessing.whole_files import replacing, write_whole
from report.terminal import say
from simulation.survey import DEFAULT_BANDS
from trainer.recipe import BACKBONE_FILE
from trainer.weights.preflight import file_digest

SUFFIX = ".weights.h5"


@dataclass(frozen=True)
class Simulated:
    """A simulated survey to pretrain on.

    Attributes
    ----------
    galaxies : int
    seed : int
    simulate : callable
        Writes the survey; called with folder, galaxies, seed, side of the stamps [pixels] and workers.
    """

    galaxies: int
    seed: int
    simulate: Callable[[Path, int, int, int, int | None], None]


def run_pretraining(
    config: Path, out: Path, overrides: Sequence[str], survey: Simulated | None, console: Console
) -> ExitStatus:
    """Train a backbone and write its weights.

    Parameters
    ----------
    config : Path
        Configuration; its network, picture size and training settings are used.
    out : Path
        Ends in ``.weights.h5``. A file of the same name plus ``.json`` records the provenance.
    overrides : sequence of str
        ``section.key=value``.
    survey : Simulated or None
        None: the labelled galaxies of the configuration.
    console : Console

    Returns
    -------
    ExitStatus
        `DONE`; `NOT_GOOD_ENOUGH` if no epoch improved on the initial weights; `BAD_INPUT` or `FAULT` if a
        node failed. Weights are written only if the status is `DONE`.

    Raises
    ------
    InputError
        If something is wrong before any component runs.
    """
    started = time.monotonic()
    settings = load_settings(config, overrides)
    _check_out(out)
    if not settings.train.fine_tune_epochs:
        raise InputError(
            "[train] fine_tune_epochs = 0: must be above 0, since pretraining trains the network"
        )
    check_weights(settings)
    root = Path(settings.pipeline.root, "pretraining")
    if survey is not None:
        settings = _on_simulation(settings, survey, root)
    settings = _training_only(settings, root)
    with console.status("checking configuration and input"):
        checked = check_data(settings)
        settings = settings.with_pinned_weights()
        seen = already_seen(settings, checked.fingerprint)
        began_with = provenance(settings.model)  # now: `out` may be the same file
    show_rows(console, settings, checked)
    show_notes(console, [seen] if seen else [])
    with opened_log(root, "pretrain") as (log, lock):
        try:
            (outcome,) = run_jobs([Job("training", settings, checked.fingerprint)], log, lock, console)
        except KeyboardInterrupt:
            say_interrupted()
            raise
    if outcome.failure is not None:
        return fail(outcome.failure, log)
    history = _history(Path(outcome.outputs["Trainer"]["model"]))
    if not history["best_epoch"][0]:
        print(
            "galmorph: no epoch improved on the initial weights, so nothing was written:"
            " lower [train] fine_tune_learning_rate",
            file=sys.stderr,
        )
        return ExitStatus.NOT_GOOD_ENOUGH
    trained = Path(outcome.outputs["Trainer"]["model_run"], BACKBONE_FILE)
    digest = file_digest(trained, "sha256")
    about = _provenance(settings, checked.fingerprint, survey, history, digest)
    if began_with is not None:
        about["started_from"] = began_with
    _write(out, trained, about)
    console.print("[bold]pretrained[/]")
    best = about["validation"]
    minutes = (time.monotonic() - started) / 60
    rows = {
        "backbone": settings.model.backbone,
        "validation": f"accuracy {best['accuracy']:.4f}  AUC {best['auc']:.4f}  loss {best['loss']:.4f}",
        "weights": str(out),
        "SHA-256": digest,
        "provenance": str(provenance_file(out)),
        "time, peak memory": f"{minutes:.1f} min, {peak_memory(outcome) / 2**30:.1f} GiB",
    }
    for name, value in rows.items():
        say(console, name, value, is_path=True)
    console.print("[bold]configuration[/]")
    say(console, "[model]", f"weights = {json.dumps(str(out.absolute()))}", is_path=True)
    return ExitStatus.DONE


def _check_out(out: Path) -> None:
    """Refuse, before training, a file that could not be written after it."""
    if not out.name.endswith(SUFFIX):
        raise InputError(f"{out}: the name must end in {SUFFIX}")
    if not out.parent.is_dir():
        raise InputError(f"{out}: there is no folder {out.parent}")
    for path in (out, provenance_file(out)):
        if path.is_dir():
            raise InputError(f"{path} is a folder")
    if not os.access(out.parent, os.W_OK | os.X_OK):
        raise InputError(f"{out}: the folder {out.parent} cannot be written")


def _write(out: Path, trained: Path, about: dict[str, Any]) -> None:
    """Write the weights, and beside them the file of their provenance."""
    try:
        with replacing(out) as part:
            shutil.copyfile(trained, part)
        write_whole(provenance_file(out), json.dumps(about, indent=2) + "\n")
    except OSError as error:
        raise InputError(f"{out} cannot be written: {error.strerror}") from error


def _on_simulation(settings: Settings, survey: Simulated, root: Path) -> Settings:
    """Return the settings with data, cut and stretch of the simulated survey, and the configured network."""
    simulated = load_settings(demo_config())
    rgb = settings.image.rgb if set(settings.image.bands) <= set(DEFAULT_BANDS) else simulated.image.rgb
    # The flux has the units of the simulation, so cut, stretch and softening are those of its configuration.
    image = simulated.image.model_copy(update={"rgb": rgb, "size": settings.image.size})
    folder = root / f"survey-{survey.galaxies}-{survey.seed}"
    survey.simulate(folder, survey.galaxies, survey.seed, image.cut, None)  # an existing survey is kept
    data = simulated.data.model_copy(
        update={
            "labels": str((folder / "labels.csv").absolute()),
            "stamps": str(folder.absolute()) + "/{band}_stamps/{name}_{band}.fits",
        }
    )
    return settings.model_copy(update={"data": data, "image": image})


def _training_only(settings: Settings, root: Path) -> Settings:
    """Return the settings without cross-validation and with a root of their own."""
    folds = settings.cross_validation.model_copy(update={"phases": "none", "publish": "single"})
    where = settings.pipeline.model_copy(
        update={"root": str(root), "name": f"{settings.pipeline.name}-pretraining"}
    )
    return settings.model_copy(update={"pipeline": where, "cross_validation": folds})


def _history(model: Path) -> dict[str, list[float]]:
    description = next(model.rglob(METADATA_NAME))
    return json.loads(description.read_text())["history"]["network"]


def _provenance(
    settings: Settings,
    fingerprint: str,
    survey: Simulated | None,
    history: dict[str, list[float]],
    digest: str,
) -> dict[str, Any]:
    best = int(history["best_epoch"][0]) - 1
    scores = {name: history[f"val_{name}"][best] for name in ("accuracy", "auc")}
    tables = ("split", "image", "model", "train")
    learned_from: dict[str, Any] = {"labels": settings.data.labels, "fingerprint": fingerprint}
    if survey is not None:
        learned_from = {"simulated galaxies": survey.galaxies, "seed": survey.seed}
    return {
        "sha256": digest,
        "learned_from": learned_from,
        **{name: getattr(settings, name).model_dump(mode="json") for name in tables},
        "validation": {**scores, "loss": history["best_val_loss"][0]},
    }
