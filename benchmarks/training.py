"""What training costs beside the network: the input pipeline, the head phase with its folds, a killed run.

    python -m benchmarks.training [--quick] [--parts input head restart] [--galaxies 1000]
                                  [--backbone EfficientNetLite0] [--json FILE]

On pictures of simulated galaxies, 128 x 128 PNG in gzipped TFRecords, in one process; every ratio is against
a peer measured in the same run:

- input: pictures per second of `Pictures.stream` and `training_batches` with all augmentations, against what
  EfficientNetB7 (and, beside it, EfficientNetLite0) consumes in training all of its weights; then what each
  step of the pipeline costs one core.
- head: cross-validation with five folds and the final model, against a single head-phase training
  (`compute_features` of all galaxies in eight views without a cache, and one `fit_head`), and against five
  trainings of the same top in which every picture goes through the frozen backbone in every epoch. Of the
  latter a few epochs of one fold are measured and the rest is multiplied.
- restart: time and size of the state kept after each epoch, and what a training that goes on does again,
  against an epoch.

`--quick` only shows that it runs: TinyConv, 64 galaxies of 32 x 32 pixels; its ratios mean nothing.
"""

import argparse
import json
import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

PARTS = ("input", "head", "restart")
CONSUMERS = (("EfficientNetB7", 8), ("EfficientNetLite0", 32))
"""Networks to feed, and the batches that they are trained with on a small machine."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--galaxies", type=int, default=1000)
    parser.add_argument("--backbone", default="EfficientNetLite0", help="of the head phase")
    parser.add_argument("--backbone-epochs", type=int, default=3, help="measured through the backbone")
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    arguments = parser.parse_args()
    if arguments.backbone_epochs < 2:
        parser.error("--backbone-epochs must be at least 2: the first is not counted")
    if arguments.quick:
        arguments.galaxies, arguments.backbone = 64, "TinyConv"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    figures = _measure(arguments, Console())
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


def _measure(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    # TensorFlow takes seconds to load, and --help needs none of it.
    from benchmarks.training_data import write_examples
    from benchmarks.training_head import measure_head_phase
    from benchmarks.training_networks import measure_network
    from trainer.galaxies import read_galaxies

    size = 32 if arguments.quick else 128
    figures: dict[str, Any] = {"galaxies": arguments.galaxies, "size": size}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        _tell(f"simulating {arguments.galaxies:,} galaxies")
        files = write_examples(folder, arguments.galaxies, size)
        every = [path for paths in files.values() for path in paths]
        networks = []
        if {"input", "restart"} & set(arguments.parts):
            for backbone, batch_size in (("TinyConv", 8),) if arguments.quick else CONSUMERS:
                _tell(f"training {backbone}")
                steps = 3 if arguments.quick else 8
                networks.append(measure_network(backbone, size, batch_size, steps, folder / "state"))
            figures["networks"] = [asdict(network) for network in networks]
        if "input" in arguments.parts:
            _tell("drawing pictures")
            figures["input"] = _input(console, every, size, networks, 128 if arguments.quick else 4000)
        if "head" in arguments.parts:
            _tell(f"training tops on {arguments.backbone}")
            recipe = _head_recipe(arguments.backbone, size)
            head = measure_head_phase(recipe, files, arguments.backbone_epochs)
            _print_head(console, head, arguments)
            figures["head"] = asdict(head) | {"backbone": arguments.backbone}
        if "restart" in arguments.parts:
            epoch = len(read_galaxies({"train": files["train"]}))
            figures["restart"] = _restart(console, files["train"], size, networks, epoch)
    return figures


def _tell(what: str) -> None:
    print(what, file=sys.stderr)


def _input(console: Console, files: list[str], size: int, networks: list, pictures: int) -> dict[str, Any]:
    from benchmarks.training_input import measure_pipeline, measure_stages
    from trainer.settings import AUGMENTATIONS

    table = Table("input pipeline", "per second", "peer: training of", "per second", "ratio")
    rates = {}
    for network in networks:
        rate = measure_pipeline(files, size, network.batch_size, pictures, AUGMENTATIONS).per_second
        rates[network.backbone] = rate
        table.add_row(
            f"batches of {network.batch_size}",
            f"{rate:,.0f} pictures",
            network.backbone,
            f"{network.per_second:,.1f}",
            f"{rate / network.per_second:.1f}",
        )
    console.print(table)
    stages = measure_stages(files, size, pictures)
    table = Table(
        "step of the input pipeline", "ms of one core a picture", "pictures per core second", "share"
    )
    total = sum(stage.cpu_ms for stage in stages)
    for stage in stages:
        # The difference of two measurements may vanish.
        speed = f"{stage.per_second:,.0f}" if stage.cpu_ms > 0.001 else "-"
        table.add_row(stage.name, f"{stage.cpu_ms:.3f}", speed, f"{stage.cpu_ms / total:.0%}")
    table.add_row("all", f"{total:.3f}", f"{1000 / total:,.0f}", "", end_section=True)
    console.print(table)
    return {"per_second": rates, "cpu_ms": {stage.name: stage.cpu_ms for stage in stages}}


def _head_recipe(backbone: str, size: int):
    from preprocessing.settings import ImageSettings
    from trainer.backbone_names import backbone_facts
    from trainer.recipe import Recipe
    from trainer.settings import CrossValidationSettings, ModelSettings, TrainSettings

    # Learned weights where they are installed; others would have to be downloaded and are no faster.
    weights = "imagenet" if backbone_facts(backbone).package else "none"
    return Recipe(
        ImageSettings(cut=size, size=size),
        ModelSettings(backbone=backbone, weights=weights),
        TrainSettings(patience=0),
        CrossValidationSettings(phases="head"),
    )


def _print_head(console: Console, head, arguments: argparse.Namespace) -> None:
    from benchmarks.training_data import FOLDS

    measured = f"{head.backbone_epoch:.2f} s an epoch, {len(head.through_backbone) - 1} measured"
    table = Table(f"head phase, {arguments.backbone}, {arguments.galaxies:,} galaxies", "seconds", "of which")
    rows = (
        (
            "one training of a top",
            head.single,
            f"features {head.single_features:.1f}, top {head.single_top:.1f}",
        ),
        (
            f"{FOLDS} folds and the final model",
            head.everything,
            f"features {head.all_features:.1f}, folds {head.all_folds:.1f}, final {head.all_final:.1f}",
        ),
        (
            f"{FOLDS} through the backbone (multiplied)",
            head.five_through_backbone,
            f"{FOLDS} x {head.epochs} epochs; {measured}",
        ),
        (f"{FOLDS} times one training of a top", FOLDS * head.single, ""),
    )
    for what, seconds, of_which in rows:
        table.add_row(what, f"{seconds:.1f}", of_which)
    console.print(table)
    table = Table("ratio", "measured", "asked for")
    ours = head.everything
    for what, ratio, wanted in (
        ("folds and final model / one training of a top", ours / head.single, "1.5 at most"),
        (
            f"{FOLDS} through the backbone / folds and final model",
            head.five_through_backbone / ours,
            "4 at least",
        ),
        (f"{FOLDS} times one training of a top / folds and final model", FOLDS * head.single / ours, ""),
    ):
        table.add_row(what, f"{ratio:.2f}", wanted)
    console.print(table)


def _restart(console: Console, files: list[str], size: int, networks: list, epoch: int) -> dict[str, Any]:
    from benchmarks.training_input import seconds_to_pass_over_an_epoch

    table = Table(
        "a killed training",
        f"epoch of {epoch:,}",
        "state kept in",
        "of the epoch",
        "MB",
        "started in",
        "read in",
    )
    results = {}
    for network in networks:
        seconds = epoch / network.per_second
        table.add_row(
            f"{network.backbone}, batches of {network.batch_size}",
            f"{seconds:.1f} s",
            f"{network.checkpoint_seconds:.2f} s",
            f"{network.checkpoint_seconds / seconds:.1%}",
            f"{network.checkpoint_bytes / 1e6:,.0f}",
            f"{network.start_seconds:.1f} s",
            f"{network.restore_seconds:.2f} s",
        )
        results[network.backbone] = {"epoch_seconds": seconds}
    console.print(table)
    passed = seconds_to_pass_over_an_epoch(files, size, networks[-1].batch_size)
    console.print(
        "A killed training loses the epoch it was in, and starts and reads its state again;"
        f" each epoch already done is passed over in {passed:.3f} s."
    )
    return results | {"pass_over_seconds": passed}


if __name__ == "__main__":
    main()
