"""Cross-validation of ``configs/sdss.toml`` on real galaxies, with pictures of misclassified galaxies.

Needs the SDSS set and `make_sdss_stamps.py`, which are not part of this project (``--shared``). The reference
scores come from a set of which this one is two thirds: hand-made radial and colour features with gradient
boosting, and frozen ImageNet features of EfficientNetLite0 with a logistic regression, both over 5 folds; and
a first fine-tuning of EfficientNetLite0 on one division.
"""

import argparse
import csv
import json
import math
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from evaluation.calibration import calibration_error, with_cross_fitted_temperature
from evaluation.formats.out_of_fold import SCORES_FILE, OutOfFold, read_scores
from evaluation.intervals import bootstrap
from evaluation.scores import classification_scores
from pipeline.config import Settings, load_settings
from preprocessing.rows.division import stamp_reader
from preprocessing.safe_python import module_command, safe_environment

PEERS = {
    "hand-made features, gradient boosting": (0.924, 0.969),
    "frozen ImageNet features, logistic regression": (0.942, 0.976),
    "first careless fine-tuning": (0.958, 0.991),
}
CONFIG = Path("configs/sdss.toml")
MOST_ERRORS = 96


@dataclass(frozen=True)
class Mistake:
    """A misclassified galaxy.

    Attributes
    ----------
    name : str
    label : int
    p_elliptical : float
        Out-of-fold prediction.
    """

    name: str
    label: int
    p_elliptical: float

    @property
    def surprise(self) -> float:
        """Probability of the wrong class."""
        return abs(self.p_elliptical - self.label)


def main() -> None:
    """Make the stamps, cross-validate, print the table and draw the mistakes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="folder with data/ and tools/")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", dest="overrides")
    parser.add_argument(
        "--out", type=Path, default=Path("bench-sdss"), help="folder of the run and the results"
    )
    arguments = parser.parse_args()
    # The test split is not needed here, so all but one in a hundred galaxies are in the folds.
    overrides = [f"pipeline.root={arguments.out.absolute()}", "cross_validation.phases=all"]
    overrides += ["split.train=0.79", "split.val=0.2", "split.test=0.01", *arguments.overrides]
    settings = load_settings(CONFIG, overrides)
    make_stamps(arguments.shared, Path(settings.data.labels).parent, settings.example_side)
    command = module_command("pipeline.cli", "sweep", CONFIG, "--out", arguments.out / "sweep")
    for override in overrides:
        command += ["--set", override]
    subprocess.run(command, env=safe_environment(), check=True)
    (summary,) = (arguments.out / "sweep" / "points").glob("*/cross_validation.json")
    scores = json.loads(summary.read_text())
    found = read_scores(summary.with_name(SCORES_FILE))
    print_scores(scores, found, Path(settings.data.labels))
    mistakes = mistakes_of(found)
    write_mistakes(mistakes, Path(settings.data.labels), arguments.out / "mistakes.csv")
    draw_mistakes(settings, mistakes[:MOST_ERRORS], arguments.out / "mistakes.png")
    print(f"{len(mistakes)} misclassified: {arguments.out / 'mistakes.png'}, mistakes.csv")


def make_stamps(shared: Path, folder: Path, side: int) -> None:
    """Write the stamps, unless they exist already."""
    if (folder / "labels.csv").is_file():
        return
    tool = shared / "tools" / "make_sdss_stamps.py"
    if not tool.is_file():
        sys.exit(f"there is no {tool}: name the folder that holds data/ and tools/ with --shared")
    subprocess.run([sys.executable, str(tool), str(folder), "--size", str(side)], check=True)


def samples(found: OutOfFold, labels_table: Path) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield out-of-fold predictions: of all galaxies, scaled, and of galaxies with a certain type."""
    labels, p_elliptical = np.array(found.labels), np.array(found.p_elliptical)
    yield "all galaxies", labels, p_elliptical
    scaled = with_cross_fitted_temperature(labels, found.folds, p_elliptical)
    yield "scaled by the temperature of the other folds", labels, scaled
    with open(labels_table, newline="") as rows:
        doubted = {row["name"] for row in csv.DictReader(rows) if row["hubble_type"].endswith("?")}
    sure = np.array([name not in doubted for name in found.names])
    yield "without uncertain types of the catalogue (E?)", labels[sure], p_elliptical[sure]


def measured(labels: np.ndarray, p_elliptical: np.ndarray) -> list[str]:
    """Return accuracy and AUC with 95 % confidence intervals, loss, ECE, and ECE of the confidence."""
    scores, intervals = classification_scores(labels, p_elliptical), bootstrap(labels, p_elliptical)
    ranges = [
        f"{scores[name]:.4f} ({low:.4f} to {high:.4f})"
        for name in ("accuracy", "auc")
        for low, high in [intervals[name] or (math.nan, math.nan)]
    ]
    called = (p_elliptical > 0.5).astype(int)
    confidence = calibration_error((called == labels).astype(int), np.maximum(p_elliptical, 1 - p_elliptical))
    errors = [calibration_error(labels, p_elliptical), confidence]
    return [*ranges, f"{scores['loss']:.4f}", *(f"{error:.4f}" for error in errors)]


def print_scores(scores: dict, found: OutOfFold, labels_table: Path) -> None:
    """Print the scores of the folds, their mean, the scores over all galaxies, and the reference scores."""
    table = Table("", "accuracy", "AUC", "loss", "ECE", "ECE of the confidence")
    for fold in scores["folds"]:
        table.add_row(f"fold {fold['fold']}", *(f"{fold[name]:.4f}" for name in ("accuracy", "auc", "loss")))
    spread = [
        f"{scores[f'{name}_mean']:.4f} +- {scores[f'{name}_std']:.4f}" for name in ("accuracy", "auc", "loss")
    ]
    table.add_row("folds", *spread, style="bold")
    for title, labels, p_elliptical in samples(found, labels_table):
        table.add_row(f"{title}, {len(labels)}", *measured(labels, p_elliptical))
    for peer, (accuracy, auc) in PEERS.items():
        table.add_row(peer, f"{accuracy:.3f}", f"{auc:.3f}", style="dim")
    Console().print(table)


def mistakes_of(scores: OutOfFold) -> list[Mistake]:
    """Return the misclassified galaxies, those with the largest probability of the wrong class first."""
    rows = map(Mistake, scores.names, scores.labels, scores.p_elliptical)
    return sorted((row for row in rows if row.surprise > 0.5), key=lambda row: -row.surprise)


def write_mistakes(mistakes: list[Mistake], labels_table: Path, path: Path) -> None:
    """Write both opinions on each misclassified galaxy, the catalogue's and the network's."""
    with open(labels_table, newline="") as rows:
        listed = {row["name"]: row for row in csv.DictReader(rows)}
    with open(path, "w", newline="") as table:
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(("name", "ra", "dec", "hubble_type", "label", "p_elliptical"))
        for one in mistakes:
            columns = [listed[one.name][column] for column in ("ra", "dec", "hubble_type", "label")]
            writer.writerow((one.name, *columns, f"{one.p_elliptical:.3f}"))


def draw_mistakes(settings: Settings, mistakes: list[Mistake], path: Path) -> None:
    """Draw each misclassified galaxy as the network sees it, with label and probability of elliptical."""
    from preprocessing.picture import make_picture

    reader = stamp_reader(settings.data, settings.example_bands, settings.example_side)
    columns = 12
    rows = -(-len(mistakes) // columns)
    figure = Figure(figsize=(1.25 * columns, 1.5 * max(rows, 1)), layout="constrained")
    FigureCanvasAgg(figure)
    for number, mistake in enumerate(mistakes):
        axes = figure.add_subplot(rows, columns, number + 1)
        planes = reader.read(mistake.name).planes
        flux = np.stack([planes[band].flux for band in settings.image.bands], axis=-1)[None]
        axes.imshow(make_picture(flux, settings.image)[0].numpy(), origin="lower")
        listed = "elliptical" if mistake.label else "spiral"
        axes.set_title(f"{mistake.name}\n{listed}, p {mistake.p_elliptical:.2f}", fontsize=6)
        axes.set_axis_off()
    figure.savefig(path, dpi=130)


if __name__ == "__main__":
    main()
