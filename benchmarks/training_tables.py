"""Run the parts of `benchmarks.training` and print a table for each."""

import sys
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.training_data import FOLDS, write_examples
from benchmarks.training_head import HeadFigures, head_recipe, measure_head_phase
from benchmarks.training_input import count_records, measure_pipeline, measure_stages, seconds_to_pass_over
from benchmarks.training_networks import NetworkFigures, measure_network
from preprocessing.features import TRAIN
from trainer.settings import AUGMENTATIONS

CONSUMERS = (("EfficientNetB7", 8), ("EfficientNetLite0", 32))
"""Networks to measure, with batch sizes that suit a small machine."""
QUICK_CONSUMERS = (("TinyConv", 8),)


def measure(
    parts: Collection[str], *, galaxies: int, backbone: str, backbone_epochs: int, quick: bool
) -> dict[str, Any]:
    """Measure, print and return the figures.

    Parameters
    ----------
    parts : collection of str
        ``input``, ``head``, ``restart``.
    galaxies : int
    backbone : str
        Backbone of the head's training.
    backbone_epochs : int
        Number of epochs to measure in which all pictures go through the backbone.
    quick : bool
        Use TinyConv in all parts.
    """
    size = 32 if quick else 128
    figures: dict[str, Any] = {"galaxies": galaxies, "size": size}
    console = Console()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        _tell(f"simulating {galaxies:,} galaxies")
        files = write_examples(folder, galaxies, size)
        networks = []
        if {"input", "restart"} & set(parts):
            for name, batch_size in QUICK_CONSUMERS if quick else CONSUMERS:
                _tell(f"training {name}")
                steps = 3 if quick else 8
                networks.append(measure_network(name, size, batch_size, steps, folder / "state"))
            figures["networks"] = [asdict(network) for network in networks]
        if "input" in parts:
            _tell("drawing pictures")
            every = [path for paths in files.values() for path in paths]
            figures["input"] = _input(console, every, size, networks, 128 if quick else 4000)
        if "head" in parts:
            _tell(f"training heads on {backbone}")
            head = measure_head_phase(head_recipe(backbone, size), files, backbone_epochs)
            _print_head(console, head, f"{backbone}, {galaxies:,} galaxies")
            figures["head"] = asdict(head) | {"backbone": backbone}
        if "restart" in parts:
            figures["restart"] = _restart(console, files[TRAIN], size, networks)
    return figures


def _tell(what: str) -> None:
    print(what, file=sys.stderr)


def _input(
    console: Console, files: Sequence[str], size: int, networks: Sequence[NetworkFigures], pictures: int
) -> dict[str, Any]:
    table = Table("input pipeline", "pictures/s", "peer: training of", "pictures/s", "ratio")
    rates = {}
    for network in networks:
        rate = measure_pipeline(files, size, network.batch_size, pictures, AUGMENTATIONS).per_second
        rates[network.backbone] = rate
        table.add_row(
            f"batches of {network.batch_size}",
            f"{rate:,.0f}",
            network.backbone,
            f"{network.per_second:,.1f}",
            f"{rate / network.per_second:.1f}",
        )
    console.print(table)
    stages = measure_stages(files, size, pictures)
    total = sum(stage.cpu_ms for stage in stages)
    table = Table("step of the input pipeline", "core ms", "pictures/s of a core", "share")
    for stage in stages:
        # The difference of two measurements may be zero or negative.
        speed = f"{1000 / stage.cpu_ms:,.0f}" if stage.cpu_ms > 0.001 else "-"
        table.add_row(stage.name, f"{stage.cpu_ms:.3f}", speed, f"{stage.cpu_ms / total:.0%}")
    table.add_row("all", f"{total:.3f}", f"{1000 / total:,.0f}", "")
    console.print(table)
    return {"per_second": rates, "core_ms": {stage.name: stage.cpu_ms for stage in stages}}


def _print_head(console: Console, head: HeadFigures, about: str) -> None:
    table = Table(about, "seconds", "of which")
    for seconds, features, top in zip(head.singles, head.single_features, head.single_tops, strict=True):
        table.add_row("one training of a head", f"{seconds:.1f}", f"features {features:.1f}, head {top:.1f}")
    table.add_row(
        f"{FOLDS} folds and the final model",
        f"{head.everything:.1f}",
        f"features {head.all_features:.1f}, folds {head.folds:.1f}, final {head.final:.1f}",
    )
    table.add_row(
        f"{FOLDS} trainings through the backbone",
        f"{head.five_through_backbone:.1f}",
        f"{FOLDS} x {head.epochs} epochs of {head.backbone_epoch:.2f}:"
        f" extrapolated from {len(head.through_backbone) - 1}",
    )
    console.print(table)
    table = Table("ratio", "measured", "asked for")
    ours = head.everything
    for what, ratio, wanted in (
        ("folds and final / one training of a head", ours / head.single, "1.5 at most"),
        (f"{FOLDS} through the backbone / folds and final", head.five_through_backbone / ours, "4 at least"),
        (f"{FOLDS} x one training of a head / folds and final", FOLDS * head.single / ours, ""),
    ):
        table.add_row(what, f"{ratio:.2f}", wanted)
    console.print(table)


def _restart(
    console: Console, files: Sequence[str], size: int, networks: Sequence[NetworkFigures]
) -> dict[str, Any]:
    count = count_records(files)
    epochs = [count / network.per_second for network in networks]
    passed = [seconds_to_pass_over(files, size, network.batch_size) for network in networks]
    table = Table("a killed training", *(f"{n.backbone}, batches of {n.batch_size}" for n in networks))
    table.add_row(f"an epoch of {count:,} pictures", *(f"{seconds:.1f} s" for seconds in epochs))
    table.add_row(
        "time to save its state",
        *(
            f"{network.checkpoint_seconds:.2f} s, {network.checkpoint_seconds / seconds:.1%} of the epoch"
            for network, seconds in zip(networks, epochs, strict=True)
        ),
    )
    table.add_row("on disk", *(f"{network.checkpoint_bytes / 1e6:,.0f} MB" for network in networks))
    table.add_row("lost: at most", *("the epoch" for _ in networks))
    table.add_row(
        "restart: network and first step", *(f"{network.start_seconds:.1f} s" for network in networks)
    )
    table.add_row("time to read the state", *(f"{network.restore_seconds:.2f} s" for network in networks))
    table.add_row("time to skip each finished epoch", *(f"{seconds:.2f} s" for seconds in passed))
    console.print(table)
    return {
        network.backbone: {"epoch_seconds": seconds, "pass_over_seconds": skipped}
        for network, seconds, skipped in zip(networks, epochs, passed, strict=True)
    }
