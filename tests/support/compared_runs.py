"""Runs that say different things of the same invented galaxies."""

from pathlib import Path

import numpy as np
from report_folder import write_folder

from report.comparison.write import RunComparison, compare_reports

N = 400
"""Galaxies of a run; 40 of them are tested."""


def answering(data: dict[str, np.ndarray], seed: int = 1, scatter: float = 2.0) -> dict[str, np.ndarray]:
    """Return the same galaxies, about which another model says something else."""
    logit = np.log(data["p"] / (1 - data["p"])) + np.random.default_rng(seed).normal(
        0, scatter, len(data["p"])
    )
    return {**data, "p": np.float32(1 / (1 + np.exp(-logit)))}


def rows_in_test(data: dict[str, np.ndarray]) -> np.ndarray:
    """Return the rows of the test split."""
    return np.flatnonzero(data["split"] == "test")


def compare_tables(folder: Path, *tables: dict[str, np.ndarray], **run) -> RunComparison:
    """Write a run of each table as run-0, run-1 ... under a folder, and compare them."""
    roots = [folder / f"run-{number}" for number in range(len(tables))]
    for root, data in zip(roots, tables, strict=True):
        write_folder(root / "report", data=data, pictures=False, **run)
    return compare_reports(roots)
