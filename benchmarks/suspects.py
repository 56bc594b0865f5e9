"""Whether suspect labels are found: known wrong labels, planted among real and simulated galaxies.

    python -m benchmarks.suspects --shared ../shared [--out bench-suspects] [--simulated 2000] [--seeds 3]

In each set 5 % of the labels, chosen at random, are made wrong. Five folds then train the classifier's top on
the frozen features of EfficientNetLite0, from the labels as they now are, and
`evaluation.suspects.suspect_labels` ranks the galaxies by what the fold that has not seen them says. As many
galaxies as were made wrong are taken from the top of the list: the share of them that were (precision) equals
the share of the wrong ones that is among them (recall). A random ranking finds 5 %.

The SDSS set needs `make_sdss_stamps.py` and its images, which are no part of this project (``--shared``). It
has mistakes of its own, which count as false alarms. At last its labels are ranked as they are, and the first
of the list are printed and drawn.

Features are computed once and kept under ``--out``: some minutes a set on two cores; then less than a minute
for each ranking.
"""

import argparse
import os
from pathlib import Path


def main() -> None:
    """Measure, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="folder with data/ and tools/")
    parser.add_argument("--out", type=Path, default=Path("bench-suspects"), help="features and pictures")
    parser.add_argument("--simulated", type=int, default=2000, help="galaxies of the simulated survey")
    parser.add_argument("--seeds", type=int, default=3, help="how often labels are made wrong")
    arguments = parser.parse_args()
    if arguments.seeds < 1:
        parser.error("--seeds must be at least 1")
    # Before TensorFlow is loaded, which reads it then.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from benchmarks.suspect_ranking import print_first, print_found
    from benchmarks.suspect_sets import sdss_set, simulated_set

    sdss = sdss_set(arguments.shared, arguments.out / "sdss")
    print_found(sdss, arguments.seeds)
    print_found(simulated_set(arguments.out / "simulated", arguments.simulated), arguments.seeds)
    print_first(sdss, arguments.out / "sdss-suspects.png")


if __name__ == "__main__":
    main()
