"""The ingest: check every row, split the usable ones, and write them.

There are two Beam passes over the stamps. The first finds the rejects, because exact splits can only be drawn
when all rejects are known. The second writes the Examples. Reading twice (the second time mostly from the
system's cache) keeps memory low: it grows with the table, by about 1 kB for each row, but not with the
pixels. A stamp that can no longer be read in the second pass also becomes a reject; the splits are then drawn
and written again.

If an object store cannot be read at all, all workers stop and the ingest fails: its objects are no rejects.
"""

import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import apache_beam as beam
import tensorflow as tf

from components.fits_example_gen.examples import build_example
from preprocessing.data_settings import DataSettings, SplitSettings
from preprocessing.faults import own_fault
from preprocessing.features import SPLITS
from preprocessing.fits.files import StampError
from preprocessing.labels.reading import LabelledObject, LabelTable
from preprocessing.locations import is_uri
from preprocessing.progress import send_progress
from preprocessing.rejects import Reject
from preprocessing.rows.division import Division, StampNote, divide, notes_on, refusal
from preprocessing.rows.exclusion import read_rows
from preprocessing.stamps import StampReader
from preprocessing.storage_errors import StorageError

BATCH_ROWS = 64
SHARD_ROWS = 256
"""Number of Examples in a TFRecord file. The file of each row depends only on the table."""
ATTEMPTS = 3
"""Number of attempts to write the Examples if stamps change while they are read."""


_FAILURE = "failure.txt"


class IngestError(Exception):
    """The input as a whole cannot be used; the message is one sentence."""


@dataclass(frozen=True)
class Ingested:
    """Result of an ingest.

    Attributes
    ----------
    table : LabelTable
        The rows as they were read.
    division : Division
        Splits and rejects.
    notes : list of StampNote
        Warnings about stamps that are used.
    """

    table: LabelTable
    division: Division
    notes: list[StampNote]

    @property
    def splits(self) -> list[str]:
        """Names of the splits that are not empty, in the order of `SPLITS`."""
        filled = {split for split, _ in self.division.places.values()}
        return [split for split in SPLITS if split in filled]


def ingest(
    data: DataSettings,
    split: SplitSettings,
    reader: StampReader,
    make_pipeline: Callable[[], beam.Pipeline],
    split_folder: Callable[[str], str],
    scratch: str,
) -> Ingested:
    """Turn a label table and stamps into TFRecords in splits.

    Parameters
    ----------
    data, split : DataSettings, SplitSettings
    reader : StampReader
    make_pipeline : callable
        Makes a Beam pipeline; called twice, or more often if stamps change while they are read.
    split_folder : callable
        Returns the folder of a split's files.
    scratch : str
        Folder for temporary files.

    Returns
    -------
    Ingested

    Raises
    ------
    TableError
        If the table cannot be used.
    IngestError
        If the training, validation or test split lacks a class, or stamps keep changing while they are read.
    StorageError
        If an object store cannot be read.
    """
    table = read_rows(data)
    bad, notes = _check_stamps(table.objects, reader, make_pipeline, os.path.join(scratch, "checked"))
    for attempt in range(ATTEMPTS):
        division = divide(table, {reject.row: reject for reject in bad}, data, split)
        if missing := division.missing_class():
            raise IngestError(missing)
        folder = os.path.join(scratch, f"written-{attempt}")
        late = _write_examples(division, reader, make_pipeline, split_folder, folder)
        if not late:
            refused = {reject.row for reject in bad}
            return Ingested(table, division, [note for note in notes if note.row not in refused])
        bad += late
        for name in {name for name, _ in division.places.values()}:
            tf.io.gfile.rmtree(split_folder(name))
    raise IngestError(f"stamps keep changing while they are read, last {late[0].file}: {late[0].message}")


def _check_stamps(
    entries: Sequence[LabelledObject],
    reader: StampReader,
    make_pipeline: Callable[[], beam.Pipeline],
    folder: str,
) -> tuple[list[Reject], list[StampNote]]:
    """Read the stamps of every row and return rejects and warnings."""
    # Tuples of plain values: Beam pickles other objects one by one, which takes four times the memory.
    rows = [(entry.row, entry.name, entry.ra, entry.dec) for entry in entries]
    batches = [tuple(rows[start : start + BATCH_ROWS]) for start in range(0, len(rows), BATCH_ROWS)]
    del rows
    _make_empty(folder)
    with make_pipeline() as pipeline:
        _ = (
            pipeline
            | "Rows" >> beam.Create(batches, reshuffle=True)
            | "Check" >> beam.Map(_check_batch, reader=reader, total=len(entries), folder=folder)
        )
    rejects, notes = _findings(folder)
    return rejects, sorted(notes, key=lambda note: (note.row, note.file))


def _write_examples(
    division: Division,
    reader: StampReader,
    make_pipeline: Callable[[], beam.Pipeline],
    split_folder: Callable[[str], str],
    folder: str,
) -> list[Reject]:
    """Write the Examples and return rejects for stamps that can no longer be read."""
    _make_empty(folder)
    shards = _shards(division, split_folder)
    with make_pipeline() as pipeline:
        _ = (
            pipeline
            | "Shards" >> beam.Create(shards, reshuffle=True)
            | "Write" >> beam.Map(_write_shard, reader=reader, total=len(division.kept), folder=folder)
        )
    return _findings(folder)[0]


def _make_empty(folder: str) -> None:
    """Make a folder of findings; those of an earlier attempt do not count."""
    if tf.io.gfile.exists(folder):
        tf.io.gfile.rmtree(folder)
    tf.io.gfile.makedirs(folder)


def _keep(findings: Sequence[Reject | StampNote], folder: str, name: str) -> None:
    """Write findings to a file, because every Beam runner supports this way to return results.

    Beam's own text files would treat a folder with brackets in its name as a pattern.
    """
    path = os.path.join(folder, f"{name}.jsonl")
    if findings:
        with tf.io.gfile.GFile(path, "w") as file:
            file.write("".join(json.dumps(asdict(finding)) + "\n" for finding in findings))
    elif tf.io.gfile.exists(path):  # of an attempt that the runner has repeated
        tf.io.gfile.remove(path)


def _findings(folder: str) -> tuple[list[Reject], list[StampNote]]:
    rejects, notes = [], []
    if tf.io.gfile.exists(failure := os.path.join(folder, _FAILURE)):
        with tf.io.gfile.GFile(failure) as text:
            raise StorageError(text.read())
    for name in sorted(tf.io.gfile.listdir(folder)):
        with tf.io.gfile.GFile(os.path.join(folder, name)) as lines:
            for line in lines:
                finding = json.loads(line)
                if "reason" in finding:
                    rejects.append(Reject(**finding))
                else:
                    notes.append(StampNote(**finding))
    return rejects, notes


@contextmanager
def _or_fail(reader: StampReader, folder: str) -> Iterator[bool]:
    """Context that keeps a `StorageError` in a file, for `_findings`; yields whether there is one already.

    Runners wrap the exceptions of their workers, each in its own way, and repeat what has failed.
    """
    failure = os.path.join(folder, _FAILURE)
    try:
        yield is_uri(reader.template) and tf.io.gfile.exists(failure)
    except StorageError as error:
        with tf.io.gfile.GFile(failure, "w") as file:
            file.write(str(error))


def _check_batch(
    batch: Sequence[tuple[int, str, float, float]], reader: StampReader, total: int, folder: str
) -> None:
    findings: list[Reject | StampNote] = []
    with _or_fail(reader, folder) as failed:
        if failed:
            return
        stamps = reader.read_each((name, ra, dec) for _, name, ra, dec in batch)
        for (row, name, _, _), stamp in zip(batch, stamps, strict=True):
            if isinstance(stamp, StampError):
                findings.append(refusal(row, name, stamp))
            else:
                findings += notes_on(row, name, stamp)
    _keep(findings, folder, f"row-{batch[0][0]}")
    send_progress("checking stamps", done=len(batch), total=total)


@dataclass(frozen=True)
class _Shard:
    """The rows of one TFRecord file."""

    path: str
    members: tuple[tuple[LabelledObject, int], ...]  # object and fold


def _shards(division: Division, split_folder: Callable[[str], str]) -> list[_Shard]:
    members: defaultdict[str, list[tuple[LabelledObject, int]]] = defaultdict(list)
    for entry in sorted(division.kept, key=lambda entry: entry.name):
        split, fold = division.places[entry.name]
        members[split].append((entry, fold))
    shards = []
    for split, rows in members.items():
        count = -(-len(rows) // SHARD_ROWS)
        for index in range(count):
            path = os.path.join(split_folder(split), f"data_tfrecord-{index:05d}-of-{count:05d}")
            shards.append(_Shard(path, tuple(rows[index * SHARD_ROWS : (index + 1) * SHARD_ROWS])))
    return shards


def _write_shard(shard: _Shard, reader: StampReader, total: int, folder: str) -> None:
    tf.io.gfile.makedirs(os.path.dirname(shard.path))
    late = []
    with _or_fail(reader, folder) as failed, tf.io.TFRecordWriter(shard.path) as writer:
        if failed:
            return
        stamps = reader.read_each((entry.name, entry.ra, entry.dec) for entry, _ in shard.members)
        for (entry, fold), stamp in zip(shard.members, stamps, strict=True):
            try:
                if isinstance(stamp, StampError):
                    raise stamp
                try:
                    # Otherwise the order of the features differs from one process to the next.
                    example = build_example(entry, stamp.planes, fold).SerializeToString(deterministic=True)
                except Exception as error:
                    raise own_fault(entry.name, reader.template, error) from error
            except StampError as error:
                late.append(refusal(entry.row, entry.name, error))
            else:
                writer.write(example)
    _keep(late, folder, f"row-{shard.members[0][0].row}")
    send_progress("writing examples", done=len(shard.members), total=total)
