"""The ingest itself: check every row, divide the good ones, write them.

Two Beam passes over the stamps. The first decides which rows are good, since splits that are exact after
rejects are removed can only be drawn when all rejects are known; the second writes. Reading twice (the second
time mostly from the system's cache) keeps memory flat: what grows with the number of galaxies is the table
itself, about 1 kB a row, never the pixels.
"""

import json
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import apache_beam as beam
import tensorflow as tf

from components.fits_example_gen.duplicates import reject_duplicates
from components.fits_example_gen.examples import build_example
from components.fits_example_gen.labels import LabelledObject, read_labels
from components.fits_example_gen.rejects import Reject
from components.fits_example_gen.settings import DataSettings, SplitSettings
from components.fits_example_gen.splits import assign_splits
from preprocessing.features import CLASS_NAMES, ELLIPTICAL, SPIRAL, SPLITS, TEST, TRAIN, VALIDATION
from preprocessing.progress import report_progress
from preprocessing.stamps import Plane, StampError, read_planes

BATCH_ROWS = 64
SHARD_ROWS = 256
"""Examples in one TFRecord file. Which row stands in which file depends on the table alone."""


class IngestError(Exception):
    """The input as a whole cannot be used; the message is one sentence."""


@dataclass(frozen=True)
class Stamps:
    """Where the stamps are and what is asked of them: what a worker needs to read one object."""

    template: str
    bands: tuple[str, ...]
    side: int
    max_blank: float

    def read(self, name: str) -> dict[str, Plane]:
        """Read the planes of one object, as `preprocessing.stamps.read_planes`."""
        return read_planes(self.template, name, self.bands, side=self.side, max_blank=self.max_blank)


@dataclass(frozen=True)
class Ingested:
    """What an ingest did.

    Attributes
    ----------
    rows : int
        Rows of the table.
    kept : list of (str, str)
        Split and class name of every Example written.
    rejects : list of Reject
    """

    rows: int
    kept: list[tuple[str, str]]
    rejects: list[Reject]

    @property
    def splits(self) -> list[str]:
        """Names of the splits that hold an Example, in the order of `SPLITS`."""
        filled = {split for split, _ in self.kept}
        return [split for split in SPLITS if split in filled]


def ingest(
    data: DataSettings,
    split: SplitSettings,
    stamps: Stamps,
    make_pipeline: Callable[[], beam.Pipeline],
    split_folder: Callable[[str], str],
    scratch: str,
) -> Ingested:
    """Turn a label table and stamps into TFRecords in splits.

    Parameters
    ----------
    data, split : DataSettings, SplitSettings
    stamps : Stamps
    make_pipeline : callable
        Makes a Beam pipeline; called twice.
    split_folder : callable
        Gives the folder of a split's files.
    scratch : str
        A folder for what passes between the two passes.

    Returns
    -------
    Ingested

    Raises
    ------
    TableError
        If the table cannot be used.
    IngestError
        If no split for training, validation or test could be filled.
    RuntimeError
        If a stamp changed while it was being read.
    """
    table = read_labels(data)
    promising, rejects = _reject_rows(table)
    bad = {reject.row: reject for reject in _check_stamps(promising, stamps, make_pipeline, scratch)}
    rejects += bad.values()
    good = [entry for entry in promising if entry.row not in bad]
    good, duplicates = reject_duplicates(good, data.duplicate_radius)
    rejects += duplicates
    labels = {entry.name: entry.label for entry in good if entry.label is not None}
    assigned = assign_splits(labels, split)
    _refuse_empty(labels, assigned, rejects)

    shards = _shards(good, assigned, split_folder)
    with make_pipeline() as pipeline:
        _ = (
            pipeline
            | "Shards" >> beam.Create(shards, reshuffle=True)
            | "Write" >> beam.Map(_write_shard, stamps=stamps, total=len(good))
        )
    kept = [(assigned[entry.name][0], CLASS_NAMES[labels[entry.name]]) for entry in good]
    return Ingested(rows=len(table), kept=kept, rejects=rejects)


def _reject_rows(table: Iterable[LabelledObject]) -> tuple[list[LabelledObject], list[Reject]]:
    promising, rejects = [], []
    for entry in table:
        if not entry.name:
            rejects.append(Reject(entry.row, "", "", "no_name", "the row has no object name"))
        elif entry.label is None:
            rejects.append(Reject(entry.row, entry.name, "", "bad_label", entry.problem))
        else:
            promising.append(entry)
    return promising, rejects


def _check_stamps(
    entries: Sequence[LabelledObject],
    stamps: Stamps,
    make_pipeline: Callable[[], beam.Pipeline],
    scratch: str,
) -> list[Reject]:
    """Read the stamps of every row and return the rows that cannot be used."""
    rows = [(entry.row, entry.name) for entry in entries]
    batches = [rows[start : start + BATCH_ROWS] for start in range(0, len(rows), BATCH_ROWS)]
    total = len(rows)
    # Verdicts come back through files: the one way that every Beam runner offers.
    prefix = os.path.join(scratch, "rejects")
    with make_pipeline() as pipeline:
        _ = (
            pipeline
            | "Rows" >> beam.Create(batches, reshuffle=True)
            | "Check" >> beam.FlatMap(_check_batch, stamps=stamps, total=total)
            | "Encode" >> beam.Map(lambda reject: json.dumps(asdict(reject)))
            | "Collect" >> beam.io.WriteToText(prefix, file_name_suffix=".jsonl")
        )
    rejects = []
    for path in tf.io.gfile.glob(f"{prefix}*.jsonl"):
        with tf.io.gfile.GFile(path) as lines:
            rejects += [Reject(**json.loads(line)) for line in lines]
    return rejects


def _check_batch(batch: Sequence[tuple[int, str]], stamps: Stamps, total: int) -> Iterator[Reject]:
    for row, name in batch:
        try:
            stamps.read(name)
        except StampError as error:
            yield Reject(row, name, error.path, error.reason, error.message)
    report_progress("checking stamps", done=len(batch), total=total)


def _refuse_empty(
    labels: Mapping[str, int], assigned: Mapping[str, tuple[str, int]], rejects: Sequence[Reject]
) -> None:
    """Raise where training, validation or test lack a class."""
    causes = Counter(reject.reason for reject in rejects).most_common(3)
    account = ", ".join(f"{count} {reason}" for reason, count in causes) or "none"
    left = f"{len(labels)} usable objects are left; rejects: {account}"
    for label in (SPIRAL, ELLIPTICAL):
        if label not in labels.values():
            raise IngestError(f"no {CLASS_NAMES[label]} galaxy has usable stamps: {left}")
    found = {(split, labels[name]) for name, (split, _) in assigned.items()}
    for split in (TRAIN, VALIDATION, TEST):
        for label in (SPIRAL, ELLIPTICAL):
            if (split, label) not in found:
                raise IngestError(f"split {split!r} has no {CLASS_NAMES[label]} galaxy: {left}")


@dataclass(frozen=True)
class _Shard:
    """The rows of one TFRecord file."""

    path: str
    members: tuple[tuple[LabelledObject, int], ...]  # object and fold


def _shards(
    entries: Iterable[LabelledObject],
    assigned: Mapping[str, tuple[str, int]],
    split_folder: Callable[[str], str],
) -> list[_Shard]:
    members: defaultdict[str, list[tuple[LabelledObject, int]]] = defaultdict(list)
    for entry in sorted(entries, key=lambda entry: entry.name):
        split, fold = assigned[entry.name]
        members[split].append((entry, fold))
    shards = []
    for split, rows in members.items():
        count = -(-len(rows) // SHARD_ROWS)
        for index in range(count):
            path = os.path.join(split_folder(split), f"data_tfrecord-{index:05d}-of-{count:05d}")
            shards.append(_Shard(path, tuple(rows[index * SHARD_ROWS : (index + 1) * SHARD_ROWS])))
    return shards


def _write_shard(shard: _Shard, stamps: Stamps, total: int) -> None:
    tf.io.gfile.makedirs(os.path.dirname(shard.path))
    with tf.io.TFRecordWriter(shard.path) as writer:
        for entry, fold in shard.members:
            try:
                planes = stamps.read(entry.name)
            except StampError as error:
                raise RuntimeError(
                    f"{error.path} changed while it was being read: {error.message}"
                ) from error
            writer.write(build_example(entry, planes, fold).SerializeToString())
    report_progress("writing examples", done=len(shard.members), total=total)
