"""Features of a frozen backbone, computed once and cached on disk by the content of the picture.

While only the classifier head is trained, the features of a picture are the same in every epoch, fold and
run. They are computed once for each symmetry of each picture; the head is then trained on them in seconds.
"""

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from preprocessing import features
from preprocessing.progress import send_progress
from preprocessing.whole_files import write_whole
from trainer.augment import dihedral_views
from trainer.backbones.names import backbone_facts
from trainer.galaxies import Galaxies, read_examples, read_galaxies
from trainer.model import feature_extractor
from trainer.settings import ModelSettings, TrainSettings

CHUNK = 1024
"""Number of galaxies between two writes to the cache; a killed run loses at most these."""

_ARRAY, _GALAXIES = "features.npy", "galaxies.npz"
_TYPE = np.float16  # 3 digits are enough for training, at half the disk space of float32


@dataclass(frozen=True)
class FeatureStore:
    """Features of galaxies.

    Attributes
    ----------
    galaxies : Galaxies
    values : ndarray, float16, shape (N, views, F)
        Memory-mapped: only the parts that are used take memory.
    """

    galaxies: Galaxies
    values: np.ndarray

    @classmethod
    def load(cls, folder: Path) -> "FeatureStore":
        """Open the output of `compute_features`."""
        with np.load(Path(folder, _GALAXIES)) as columns:
            galaxies = Galaxies(**columns)
        return cls(galaxies, np.load(Path(folder, _ARRAY), mmap_mode="r"))


def features_key(model: ModelSettings, train: TrainSettings, image_size: int, code: str) -> str:
    """Return a key for everything that features depend on, except the pictures.

    Parameters
    ----------
    model : ModelSettings
        A file of weights counts by its SHA-256, random weights by the seed.
    train : TrainSettings
    image_size : int
        Side of the pictures [pixels].
    code : str
        Fingerprint of the code that builds the network.
    """
    facts = backbone_facts(model.backbone)
    weights = {
        "imagenet": f"imagenet {facts.keras_md5 or facts.package}",
        "none": f"seed {train.seed}",
    }.get(model.weights, str(model.weights_sha256))
    about = [facts.name, weights, image_size, train.views, train.dtype_policy, keras.version(), code]
    return f"{facts.name}-{hashlib.sha256(json.dumps(about).encode()).hexdigest()[:16]}"


class FeatureCache:
    """Cache of features by the content of the picture, shared by several runs.

    Parameters
    ----------
    folder : Path
        Folder of one `features_key`. It may be deleted at any time between runs.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = Path(folder)
        self._parts: dict[Path, np.ndarray] = {}
        self._rows: dict[bytes, tuple[Path, int]] = {}
        for listing in sorted(self._folder.glob("*.digests")):
            part = listing.with_suffix(".npy")
            for row, digest in enumerate(listing.read_bytes().split()):
                self._rows[digest] = (part, row)

    def get(self, digest: bytes) -> np.ndarray | None:
        """Return the features of a picture (views, F), or None."""
        if digest not in self._rows:
            return None
        part, row = self._rows[digest]
        if part not in self._parts:
            self._parts[part] = np.load(part, mmap_mode="r")
        return self._parts[part][row]

    def put(self, digests: Sequence[bytes], values: np.ndarray) -> None:
        """Store the features of some pictures (n, views, F)."""
        self._folder.mkdir(parents=True, exist_ok=True)
        part = self._folder / uuid.uuid4().hex
        # The list of digests is written last and atomically: features without it are ignored.
        np.save(part.with_suffix(".npy"), values)
        write_whole(part.with_suffix(".digests"), b"\n".join(digests))


def compute_features(
    model: keras.Model,
    files: Mapping[str, Sequence[str]],
    folder: Path,
    *,
    views: int,
    batch_size: int,
    cache: FeatureCache | None = None,
) -> int:
    """Write the features of all galaxies.

    Parameters
    ----------
    model : keras.Model
        A classifier from `trainer.model.build_classifier`.
    files : mapping of str to sequence of str
        Gzipped TFRecords of transformed Examples by split.
    folder : Path
        Output folder, for `FeatureStore.load`.
    views : int
        Symmetries of each picture, 1 to 8.
    batch_size : int
        Number of pictures that go through the backbone at once, each in one view.
    cache : FeatureCache, optional

    Returns
    -------
    int
        Number of galaxies that were not in the cache.

    Notes
    -----
    The features are streamed: memory holds those of `CHUNK` galaxies, and the `Galaxies`.
    """
    galaxies = read_galaxies(files)
    extract = _extractor(model, views)
    shape = (len(galaxies), views, model.get_layer("features").output.shape[-1])
    values = np.lib.format.open_memmap(Path(folder, _ARRAY), "w+", _TYPE, shape)
    np.savez(Path(folder, _GALAXIES), **vars(galaxies))
    missing = []
    for number, digest in enumerate(galaxies.digests):
        found = cache.get(digest) if cache is not None else None
        if found is None:
            missing.append(number)
        else:
            values[number] = found
    wanted = set(missing)
    pictures = (
        example.features.feature[features.PICTURE].bytes_list.value[0]
        for paths in files.values()
        for example in read_examples(paths)
    )
    needed = (picture for number, picture in enumerate(pictures) if number in wanted)
    for start in range(0, len(missing), CHUNK):
        rows = missing[start : start + CHUNK]
        for first in range(0, len(rows), batch_size):
            batch = rows[first : first + batch_size]
            values[batch] = extract(tf.constant([next(needed) for _ in batch]))
            send_progress("backbone's features", done=len(batch), total=len(missing))
        if cache is not None:
            cache.put(galaxies.digests[rows].tolist(), values[rows])
    values.flush()
    return len(missing)


def _extractor(model: keras.Model, views: int):
    backbone = feature_extractor(model)
    size = model.input_shape[1]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def see(pngs):
        pictures = tf.map_fn(
            lambda png: tf.ensure_shape(tf.io.decode_png(png, channels=3), (size, size, 3)),
            pngs,
            fn_output_signature=tf.uint8,
        )
        return dihedral_views(tf.cast(pictures, tf.float32), views)

    # One view at a time, because a graph of eight backbones takes minutes to trace.
    @tf.function(input_signature=[tf.TensorSpec([None, size, size, 3], tf.float32)])
    def answer(pictures):
        return tf.cast(backbone(pictures, training=False), tf.float16)

    return lambda pngs: np.stack([answer(view).numpy() for view in see(pngs)], axis=1)
