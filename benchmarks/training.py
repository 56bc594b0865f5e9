"""What training costs beside the network: the input pipeline, the head phase with its folds, a killed run.

    python -m benchmarks.training [--quick] [--parts input head restart] [--galaxies 1000]
                                  [--backbone EfficientNetLite0] [--json FILE]

On pictures of simulated galaxies, 128 x 128 PNG in gzipped TFRecords, in one process; every ratio is against
a peer measured in the same run:

- input: pictures per second of `Pictures.stream` and `training_batches` with all augmentations, against what
  EfficientNetB7 (and, beside it, EfficientNetLite0) consumes while all of it is trained, each alone on the
  machine; then what each step of the pipeline costs one core.
- head: cross-validation with five folds and the final model, against a single head-phase training
  (`compute_features` of all galaxies in eight views without a cache, and one `fit_head`), and against five
  trainings of the same top that send each picture through the frozen backbone once an epoch. Of the latter
  a few epochs of one fold are measured and multiplied.
- restart: time and size of the state kept after each epoch, and what a training that goes on does again,
  against an epoch.

`--quick` only shows that it runs: TinyConv, 64 galaxies of 32 x 32 pixels; its ratios mean nothing.
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
    parser.add_argument("--backbone", default="EfficientNetLite0", help="of the head phase")
    parser.add_argument("--backbone-epochs", type=int, default=3, help="measured through the backbone")
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    arguments = parser.parse_args()
    if arguments.backbone_epochs < 2:
        parser.error("--backbone-epochs must be at least 2: the first is not counted")
    # Before TensorFlow is loaded, which reads it then.
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
