"""How well novelty finds what is no galaxy: area under the ROC curve against test galaxies.

    make bench-novelty BENCH="RUN MODEL"

RUN is the root of a finished run, whose report lists the test galaxies and whose stamps exist; MODEL is what
it published.
"""

import argparse
import csv
import json
from pathlib import Path

import numpy as np
import tensorflow as tf
from rich.console import Console
from rich.table import Table
from sklearn.metrics import roc_auc_score

from benchmarks.non_galaxies import COMPRESSED, OTHERS, through_jpeg
from evaluation.formats.predictions import read_predictions
from preprocessing.features import SPLITS, TEST, UNCERTAIN
from serving.predict.description import Description
from serving.published import find_model

BATCH = 32


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--stamps", required=True, help="path with {name} and {band}")
    parser.add_argument(
        "--types", type=Path, help="CSV with name and hubble_coarse, for galaxies of no class"
    )
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    published = find_model(options.model)
    classify = tf.saved_model.load(str(published.path)).signatures["classify_flux"]
    reader = Description.of(published.description, str(published.path)).reader(options.stamps)
    predictions = read_predictions(options.run / "report" / "predictions.csv")

    def names_of(split: str) -> list[str]:
        rows = np.flatnonzero(predictions.splits == SPLITS.index(split))
        return [str(predictions.names[int(row)]) for row in rows]

    def flux_of(names: list[str]) -> np.ndarray:
        planes = (reader.read(name).planes for name in names)
        return np.stack([np.stack([each[band].flux for band in published.bands], axis=-1) for each in planes])

    def answers(flux: np.ndarray) -> dict[str, np.ndarray]:
        parts = [
            classify(flux=tf.constant(flux[start : start + BATCH])) for start in range(0, len(flux), BATCH)
        ]
        return {name: np.concatenate([part[name].numpy() for part in parts]) for name in parts[0]}

    galaxies = flux_of(names_of(TEST))
    test = answers(galaxies)
    random = np.random.default_rng(options.seed)
    table = Table(title=f"{len(galaxies)} test galaxies, {json.dumps(published.description['novelty'])}")
    for column in ("kind", "AUC", "median novelty", "novelty >= 0.99", "called elliptical", "called spiral"):
        table.add_column(column, justify="left" if column == "kind" else "right")

    def add(kind: str, found: dict[str, np.ndarray]) -> None:
        labels = np.repeat([0, 1], [len(galaxies), len(found["novelty"])])
        distances = np.concatenate([test["novelty_distance"], found["novelty_distance"]])
        called = [np.mean(found["morphology"] == name) for name in (b"elliptical", b"spiral")]
        shares = [np.median(found["novelty"]), np.mean(found["novelty"] >= 0.99), *called]
        table.add_row(
            kind.replace("_", " "),
            f"{roc_auc_score(labels, distances):.3f}",
            *(f"{share:.3f}" for share in shares),
        )

    add("test galaxies", test)
    for make in (*COMPRESSED, *OTHERS):
        made = [make(galaxy, random) for galaxy in galaxies]
        if make in COMPRESSED:
            made = [through_jpeg(flux) for flux in made]
        add(make.__name__, answers(np.stack(made).astype(np.float32)))
    if options.types:
        types = {row["name"]: row["hubble_coarse"] for row in csv.DictReader(options.types.open())}
        for group in sorted({types[name] for name in names_of(UNCERTAIN)}):
            names = [name for name in names_of(UNCERTAIN) if types[name] == group]
            add(f"{group} ({len(names)})", answers(flux_of(names)))
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
