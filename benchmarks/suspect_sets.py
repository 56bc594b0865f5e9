"""Sets of real and simulated galaxies with labels and cached features of a frozen backbone."""

import csv
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tensorflow as tf
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks.sdss import CONFIG, make_stamps
from benchmarks.training_data import transformed_example, write_examples
from benchmarks.training_head import head_recipe
from evaluation.suspects import Suspect
from pipeline.config import load_settings
from preprocessing.features import CLASS_NAMES, NAME, NO_FOLD, NO_LABEL, PICTURE, TRAIN, VALIDATION
from preprocessing.fits.files import StampError
from preprocessing.labels.reading import read_labels
from preprocessing.picture import make_picture
from preprocessing.rows.division import stamp_reader
from trainer.backbone_features import FeatureCache, FeatureStore, compute_features
from trainer.fine_tune import start_classifier
from trainer.galaxies import read_examples

BACKBONE = "EfficientNetLite0"
SIZE = 128


@dataclass(frozen=True)
class LabelledSet:
    """Galaxies with labels and features.

    Attributes
    ----------
    title : str
    files : mapping of str to sequence of str
        Transformed Examples by split.
    features : FeatureStore
    types : dict of str to str
        Hubble type by name, if known.
    """

    title: str
    files: Mapping[str, Sequence[str]]
    features: FeatureStore
    types: dict[str, str] = field(default_factory=dict)


def sdss_set(shared: Path, folder: Path) -> LabelledSet:
    """Return the spirals and ellipticals of the SDSS set.

    Parameters
    ----------
    shared : Path
        Folder with the set and the tool that makes its stamps.
    folder : Path
        Folder of the cached results.
    """
    stamps = folder / "stamps"
    make_stamps(shared, stamps, SIZE)
    settings = load_settings(
        CONFIG,
        [
            f"data.labels={stamps.absolute() / 'labels.csv'}",
            f"data.stamps={stamps.absolute()}/{{band}}_stamps/{{name}}_{{band}}.fits",
        ],
    )
    objects = [entry for entry in read_labels(settings.data).objects if entry.label != NO_LABEL]
    files = {TRAIN: [str(folder / "examples.gz")]}
    if not Path(files[TRAIN][0]).is_file():
        _tell(f"{len(objects):,} pictures of SDSS galaxies")
        reader = stamp_reader(settings.data, settings.example_bands, settings.example_side)
        part = folder / "examples.part"
        with tf.io.TFRecordWriter(str(part), tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
            for entry in objects:
                try:
                    planes = reader.read(entry.name, entry.ra, entry.dec).planes
                except StampError:
                    continue  # as in the ingest
                flux = np.stack([planes[band].flux for band in settings.image.bands], axis=-1)[None]
                png = tf.io.encode_png(make_picture(tf.constant(flux), settings.image)[0]).numpy()
                writer.write(transformed_example(entry.name, entry.label, png, NO_FOLD))
        part.rename(files[TRAIN][0])
    with open(stamps / "labels.csv", newline="") as table:
        types = {row["name"]: row["hubble_type"] for row in csv.DictReader(table)}
    return LabelledSet("SDSS", files, _features(files, folder), types)


def simulated_set(folder: Path, galaxies: int) -> LabelledSet:
    """Return spirals and ellipticals of the simulated survey, with their true labels."""
    folder = folder / str(galaxies)
    folder.mkdir(parents=True, exist_ok=True)
    done = folder / "written"
    files = {TRAIN: [str(folder / "train.gz")], VALIDATION: [str(folder / "val.gz")]}
    if not done.is_file():
        _tell(f"{galaxies:,} pictures of simulated galaxies")
        files = write_examples(folder, galaxies, SIZE)
        done.touch()
    return LabelledSet("simulated", files, _features(files, folder))


def draw(labelled: LabelledSet, suspects: Sequence[Suspect], path: Path) -> None:
    """Draw galaxies as the network sees them, with label, type and the probability of elliptical."""
    pictures = {}
    wanted = {suspect.name for suspect in suspects}
    for files in labelled.files.values():
        for example in read_examples(files):
            feature = example.features.feature
            if (name := feature[NAME].bytes_list.value[0].decode()) in wanted:
                pictures[name] = tf.io.decode_png(feature[PICTURE].bytes_list.value[0]).numpy()
    columns = 8
    rows = max(1, -(-len(suspects) // columns))
    figure = Figure(figsize=(1.7 * columns, 2.1 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    for number, suspect in enumerate(suspects, start=1):
        axes = figure.add_subplot(rows, columns, number)
        axes.imshow(pictures[suspect.name], origin="lower")
        kind = labelled.types.get(suspect.name, "")
        listed = f"listed {CLASS_NAMES[suspect.label]} {kind}".rstrip()
        axes.set_title(
            f"{suspect.rank} {suspect.name}\n{listed}\np elliptical {suspect.p_elliptical:.3f}", fontsize=7
        )
        axes.set_axis_off()
    figure.savefig(path, dpi=110)


def _features(files: Mapping[str, Sequence[str]], folder: Path) -> FeatureStore:
    recipe = head_recipe(BACKBONE, SIZE)
    out = folder / "features"
    out.mkdir(exist_ok=True)
    _tell(f"features of {BACKBONE}")
    compute_features(
        start_classifier(recipe, None),
        files,
        out,
        views=recipe.train.views,
        batch_size=recipe.train.batch_size,
        cache=FeatureCache(folder / "cache"),
    )
    return FeatureStore.load(out)


def _tell(what: str) -> None:
    print(what, file=sys.stderr)
