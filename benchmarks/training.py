"""Cost of training apart from the network: input pipeline, training of the head, restart of a killed run.

    python -m benchmarks.training [--quick] [--parts input head restart] [--galaxies 1000]
                                  [--backbone EfficientNetLite0] [--json FILE]

All parts use pictures of simulated galaxies, 128 x 128 PNG in gzipped TFRecords, in one process. Every ratio
is relative to a reference measured in the same run:

- input: pictures per second of `Pictures.stream` and `training_batches` with all augmentations, compared with
  the consumption of EfficientNetB7 (and EfficientNetLite0) in fine-tuning, each alone on the machine; and the
  core time of each step of the input pipeline.
- head: cross-validation with five folds and the final model, compared with a single training of the head
  (`compute_features` of all galaxies in eight views without a cache, and one `fit_head`), and with five
  trainings of the same head that send each picture through the frozen backbone once per epoch. Of the latter,
  a few epochs of one fold are measured and multiplied.
- restart: time and size of the state saved after each epoch, and the time that a resumed training spends on
  repeated work, compared with an epoch.

`--quick` is a smoke test with TinyConv and 64 galaxies of 32 x 32 pixels; its ratios are meaningless.
"""

import argparse
import json
import os
from pathlib import Path

PARTS = ("input", "head", "restart")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--galaxies", type=int, default=1000)
    parser.add_argument("--backbone", default="EfficientNetLite0", help="backbone of the head's training")
    parser.add_argument(
        "--backbone-epochs", type=int, default=3, help="number of epochs to measure through the backbone"
    )
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    if arguments.backbone_epochs < 2:
        parser.error("--backbone-epochs must be at least 2: the first is not counted")
    # Before TensorFlow is imported, because it reads the variable then.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from benchmarks.training_tables import measure

    figures = measure(
        arguments.parts,
        galaxies=64 if arguments.quick else arguments.galaxies,
        backbone="TinyConv" if arguments.quick else arguments.backbone,
        backbone_epochs=arguments.backbone_epochs,
        quick=arguments.quick,
    )
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
