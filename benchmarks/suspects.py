"""Benchmark of suspect labels: find labels that were made wrong among real and simulated galaxies.

    python -m benchmarks.suspects --shared ../shared [--out bench-suspects] [--simulated 2000] [--seeds 3]

In each set 5 % of the labels, chosen at random, are made wrong. The classifier head is then cross-validated
on these labels, with five folds, on frozen features of EfficientNetLite0.
`evaluation.suspects.suspect_labels` ranks the galaxies by their out-of-fold predictions. Of the first n
galaxies of the ranking, where n is the number of wrong labels, the precision is reported; it equals the
recall. A random ranking finds 5 %.

The SDSS set needs `make_sdss_stamps.py` and its images, which are not part of this project (``--shared``). It
has wrong labels of its own, which count as false alarms. At the end its original labels are ranked, and the
first of the list are printed and drawn.

Features are computed once and cached under ``--out``. This takes some minutes per set on two cores; then each
ranking takes less than a minute.
"""

import argparse
import os
from pathlib import Path


def main() -> None:
    """Measure, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="folder with data/ and tools/")
    parser.add_argument(
        "--out", type=Path, default=Path("bench-suspects"), help="folder of features and pictures"
    )
    parser.add_argument("--simulated", type=int, default=2000, help="number of simulated galaxies")
    parser.add_argument("--seeds", type=int, default=3, help="number of random sets of wrong labels")
    arguments = parser.parse_args()
    if arguments.seeds < 1:
        parser.error("--seeds must be at least 1")
    # Before TensorFlow is imported, because it reads the variable then.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from benchmarks.suspect_ranking import print_first, print_found
    from benchmarks.suspect_sets import sdss_set, simulated_set

    sdss = sdss_set(arguments.shared, arguments.out / "sdss")
    print_found(sdss, arguments.seeds)
    print_found(simulated_set(arguments.out / "simulated", arguments.simulated), arguments.seeds)
    print_first(sdss, arguments.out / "sdss-suspects.png")


if __name__ == "__main__":
    main()
