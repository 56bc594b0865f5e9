"""Names, labels and folds of the galaxies in transformed Examples, without the pictures."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from preprocessing import features
from preprocessing.features import CLASS_NAMES, ELLIPTICAL, SPIRAL


class TrainingDataError(ValueError):
    """The galaxies are not sufficient for training. The message says what is missing."""


@dataclass(frozen=True)
class Galaxies:
    """Data of the galaxies in transformed Examples; some 150 bytes each.

    Attributes
    ----------
    names : ndarray of str, shape (N,)
    labels : ndarray of int, shape (N,)
        0 spiral, 1 elliptical.
    soft_labels : ndarray of float, shape (N,)
        Share of ellipticals among the votes for either class.
    folds : ndarray of int, shape (N,)
    splits : ndarray of str, shape (N,)
    digests : ndarray of bytes, shape (N,)
        SHA-256 of each picture's PNG, in hexadecimal.
    """

    names: np.ndarray
    labels: np.ndarray
    soft_labels: np.ndarray
    folds: np.ndarray
    splits: np.ndarray
    digests: np.ndarray

    def __len__(self) -> int:
        return len(self.names)

    def take(self, which: np.ndarray) -> "Galaxies":
        """Return some of the galaxies, selected by a mask or by indices."""
        return Galaxies(**{name: column[which] for name, column in vars(self).items()})

    def require_both_classes(self, whose: str) -> None:
        """Raise `TrainingDataError` if a class is missing.

        Parameters
        ----------
        whose : str
            Name of this set of galaxies for the message, such as ``"fold 3"``.
        """
        for label in (SPIRAL, ELLIPTICAL):
            if not (self.labels == label).any():
                raise TrainingDataError(
                    f"{whose} has no {CLASS_NAMES[label]} galaxy ({len(self)} galaxies in all)"
                )

    def require_votes(self, whose: str) -> None:
        """Raise `TrainingDataError` if no galaxy has a vote fraction other than 0 or 1.

        Parameters
        ----------
        whose : str
            Name of this set of galaxies for the message.
        """
        if (self.soft_labels == self.labels).all():
            raise TrainingDataError(
                f'[train] labels = "votes", but {whose} has no galaxy with divided votes: the table has no'
                ' votes, or all of them are unanimous. Set labels = "hard"'
            )

    @property
    def class_counts(self) -> tuple[int, int]:
        """Numbers of spirals and ellipticals."""
        return int((self.labels == SPIRAL).sum()), int((self.labels == ELLIPTICAL).sum())


def read_examples(files: Sequence[str]) -> Iterator[tf.train.Example]:
    """Read transformed Examples, in the order of the files' names."""
    for record in tf.data.TFRecordDataset(sorted(files), compression_type="GZIP"):
        yield tf.train.Example.FromString(record.numpy())


def read_galaxies(files: Mapping[str, Sequence[str]]) -> Galaxies:
    """Read the galaxies of transformed Examples.

    Parameters
    ----------
    files : mapping of str to sequence of str
        Gzipped TFRecords by split.

    Returns
    -------
    Galaxies
        Split by split, in the order of `read_examples`.
    """
    rows = []
    for split, paths in files.items():
        for example in read_examples(paths):
            feature = example.features.feature
            rows.append(
                (
                    feature[features.NAME].bytes_list.value[0].decode(),
                    feature[features.LABEL].int64_list.value[0],
                    feature[features.SOFT_LABEL].float_list.value[0],
                    feature[features.FOLD].int64_list.value[0],
                    split,
                    hashlib.sha256(feature[features.PICTURE].bytes_list.value[0]).hexdigest().encode(),
                )
            )
    names, labels, soft_labels, folds, splits, digests = zip(*rows, strict=True) if rows else ((),) * 6
    return Galaxies(
        np.array(names, dtype=str),
        np.array(labels, dtype=np.int64),
        np.array(soft_labels, dtype=np.float32),
        np.array(folds, dtype=np.int64),
        np.array(splits, dtype=str),
        np.array(digests, dtype="S64"),
    )
