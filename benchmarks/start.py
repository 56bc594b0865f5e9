"""Time that a network takes before its first training step, and to the exported model.

    python -m benchmarks.start [--backbones EfficientNetLite0 EfficientNetB7] [--views 8] [--json FILE]

Each network is trained for one epoch of a few steps on simulated galaxies of 128 x 128 pixels, from random
weights, by the functions of the pipeline's Trainer, in a process of its own. Elapsed seconds, and the core
seconds of all threads, which other programs on the machine change less:

- imports: of TensorFlow, Keras and galmorph;
- build: the network;
- evaluation: validation before the first epoch, traced anew;
- first step: reading the pictures, tracing the step, TensorFlow's rewriting of the graph, and the step;
- later step: the fastest of the others, for comparison;
- validation and checkpoint: after the epoch;
- novelty: statistics of the training and validation galaxies;
- export: the exported model, which averages over `--views` symmetries.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

GALAXIES, SIZE, BATCH = 36, 128, 4
_CONFIG = {"decision": {"uncertain": (0.25, 0.75)}, "flux": {}, "limits": {}, "chunk": 0}


class Stages:
    """Elapsed and core seconds between calls of `end`."""

    def __init__(self) -> None:
        self.seconds: dict[str, tuple[float, float]] = {}
        self._elapsed, self._cores = time.perf_counter(), time.process_time()

    def end(self, stage: str) -> None:
        """Note the time since the last call as that of a stage, if it is shorter than before."""
        now = time.perf_counter(), time.process_time()
        taken = now[0] - self._elapsed, now[1] - self._cores
        self.seconds[stage] = min(taken, self.seconds.get(stage, taken))
        self._elapsed, self._cores = now


def measure(backbone: str, views: int) -> dict[str, tuple[float, float]]:
    """Run all stages in this process.

    Parameters
    ----------
    backbone : str
    views : int
        Symmetries that the exported model averages over: 1 or 8.

    Returns
    -------
    dict of str to tuple of float
        Elapsed and core seconds of each stage.
    """
    stages = Stages()
    import keras

    from benchmarks.training_data import write_examples
    from preprocessing.features import TRAIN, VALIDATION
    from preprocessing.settings import ImageSettings
    from trainer.fine_tune import fine_tune, start_classifier
    from trainer.galaxies import read_galaxies
    from trainer.input import Pictures
    from trainer.novelty import fit_novelty
    from trainer.recipe import Recipe
    from trainer.settings import CrossValidationSettings, ModelSettings, TrainSettings
    from trainer.signatures import export_classifier

    stages.end("imports")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        files = write_examples(folder, GALAXIES, SIZE)
        recipe = Recipe(
            ImageSettings(cut=SIZE, size=SIZE),
            ModelSettings(backbone=backbone, weights="none", dihedral_average=views == 8),
            TrainSettings(epochs=0, fine_tune_epochs=1, batch_size=BATCH),
            CrossValidationSettings(),
        )
        learned, unseen = (Pictures(files[split], SIZE, BATCH) for split in (TRAIN, VALIDATION))
        galaxies = read_galaxies({TRAIN: files[TRAIN]})
        stages.end("data")
        model = start_classifier(recipe, None)
        stages.end("build")

        class Clock(keras.callbacks.Callback):
            def on_train_begin(self, logs=None):
                stages.end("evaluation")

            def on_train_batch_end(self, batch, logs=None):
                stages.end("later step" if batch else "first step")

        history = fine_tune(
            model,
            recipe,
            learned,
            galaxies,
            unseen,
            has_head=True,
            checkpoint=folder / "state",
            callbacks=[Clock()],
        )
        assert history["loss"]
        stages.end("validation and checkpoint")
        novelty = fit_novelty(model, learned, unseen)
        stages.end("novelty")
        export_classifier([model], recipe, _CONFIG, folder / "model", {}, None, novelty)
        stages.end("export")
    del stages.seconds["data"]
    return stages.seconds


def main() -> None:
    """Measure each network in a process of its own, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--backbones", nargs="+", default=["EfficientNetLite0", "EfficientNetB7"])
    parser.add_argument("--views", type=int, choices=(1, 8), default=8)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if arguments.alone:
        print(json.dumps(measure(arguments.backbones[0], arguments.views)))
        return
    figures = {}
    for backbone in arguments.backbones:
        command = [sys.executable, "-m", "benchmarks.start", "--alone", "--views", str(arguments.views)]
        answer = subprocess.run([*command, "--backbones", backbone], stdout=subprocess.PIPE, check=True)
        figures[backbone] = json.loads(answer.stdout.splitlines()[-1])
        print(f"\n{backbone:28}{'elapsed':>10}{'cores':>10}  [s]")
        before = ("imports", "build", "evaluation", "first step")
        for stage, (elapsed, cores) in figures[backbone].items():
            print(f"{stage:28}{elapsed:10.1f}{cores:10.1f}")
        for name, some in (("to the end of the first step", before), ("all", figures[backbone])):
            elapsed, cores = (sum(figures[backbone][stage][which] for stage in some) for which in (0, 1))
            print(f"{name:28}{elapsed:10.1f}{cores:10.1f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
