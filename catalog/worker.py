"""The Beam step that classifies: it reads the objects of a task, and writes a file for each chunk.

Beam's RunInference is not used, for two reasons. It gathers batches with BatchElements, which hands on the
last ones in ``finish_bundle``; Flink under Beam may not call that before the end of its own bundles. And its
answers come one by one: they would have to be shuffled to be gathered into chunks, on which an exact resume
rests. As in RunInference, `apache_beam.utils.shared.Shared` keeps one model for all threads of a process.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import apache_beam as beam
import numpy as np
from apache_beam.utils.shared import Shared
from numpy.typing import NDArray

from catalog import chunks, progress
from catalog.ahead import begun_ahead, read_ahead
from catalog.batches import Batch, Reader, Reject
from catalog.chunks import ChunkResult
from catalog.classifier import Classifier, ModelSpec, published_model
from catalog.plan import objects_of
from catalog.shipped import unpacked
from catalog.store import Store
from evaluation.formats.catalogue import UNLIKE_FROM, Flag
from evaluation.formats.training_ranges import TrainingRanges
from evaluation.quality import measured_flags
from serving.predict.classifier import Answer
from serving.predict.outcomes import NO_PROBABILITY

AT_ONCE = 2
"""Batches that a task classifies at a time. Each operation of a network waits for the slowest of its threads,
which on two cores the thread that reads delays; a second batch uses that time."""

_Item = tuple[int, ChunkResult | Batch]
_Answer = Future[tuple[Answer, dict[str, NDArray[np.float32]]]]


@dataclass(frozen=True)
class Job:
    """What a worker must know; can be pickled.

    Attributes
    ----------
    work : str
        Work folder, which every worker reaches.
    plan : str
        Digest of the plan in it.
    reader : Reader
    model : ModelSpec
    batch : int
        Objects that are classified at once.
    """

    work: str
    plan: str
    reader: Reader
    model: ModelSpec
    batch: int


class ClassifyTask(beam.DoFn):
    """Classifies the chunks of a task that have no file yet.

    Parameters
    ----------
    job : Job
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._shared = Shared()

    def setup(self) -> None:
        """Prepare for tasks.

        The model is not loaded here: a worker of Flink is given up if it does not take its first element
        within three minutes, and until then the exception of a failure is not passed on.
        """
        self._store = Store(self._job.work)
        self._classifier: Classifier | None = None

    def process(self, task: Sequence[int]) -> Iterator[int]:
        """Classify the chunks of a task.

        Parameters
        ----------
        task : sequence of int
            Chunks. A chunk that has a file by now, because a runner repeats the task, is left out.

        Yields
        ------
        int
            Number of each chunk that was written.
        """
        with progress.noting_faults(self._job.work):
            self._spec = unpacked(self._job.model)
            yield from self._classified([chunk for chunk in task if not chunks.exists(self._store, chunk)])

    def _classified(self, wanted: list[int]) -> Iterator[int]:
        results: dict[int, ChunkResult] = {}
        run = self._job.work
        items = read_ahead(lambda: self._read(wanted), lambda: progress.stopped(run))
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="model") as pool:
            for (chunk, item), answer in begun_ahead(items, partial(self._begin, pool), AT_ONCE):
                if isinstance(item, ChunkResult):
                    results[chunk] = item
                    counted = len(item.objects) - item.waiting
                else:
                    self._note(results[chunk], item, answer)
                    counted = len(item.rows)
                progress.count(run, counted)
                if not results[chunk].waiting:
                    chunks.save(self._store, self._job.plan, chunk, results.pop(chunk))
                    yield chunk
        if results and not progress.stopped(run):
            raise AssertionError(f"the reader left out rows of the chunks {sorted(results)}")

    def _read(self, wanted: list[int]) -> Iterator[tuple[int, ChunkResult | Batch]]:
        """Yield, for each chunk, its result so far, which has the rejects of the plan, then the batches."""
        training = TrainingRanges.read(published_model(Path(self._spec.path)).description)
        for chunk, objects in objects_of(self._store, self._job.plan, wanted):
            result = ChunkResult(objects)
            usable = objects.column("reason").is_null()
            columns = (
                objects.filter(~usable.to_numpy(zero_copy_only=False))
                .select(["row", "file", "reason", "message"])
                .to_pylist()
            )
            result.reject(Reject(**{**row, "file": row["file"] or ""}) for row in columns)
            yield chunk, result
            objects = objects.filter(usable)
            if len(objects):
                for batch in self._job.reader(objects, self._job.batch):
                    # Here, in the thread that reads, it costs the model no time.
                    flags = batch.flags | measured_flags(batch.flux, training)
                    yield chunk, replace(batch, flags=flags)

    def _model(self) -> Classifier:
        """Load the model, unless this process has it; the first objects are read meanwhile."""
        if self._classifier is None:
            self._classifier = self._shared.acquire(lambda: Classifier(self._spec), tag=self._spec)
        return self._classifier

    def _begin(self, pool: ThreadPoolExecutor, item: _Item) -> _Answer | None:
        """Begin to classify a batch that has good rows."""
        batch = item[1]
        if isinstance(batch, ChunkResult) or not len(batch.good):
            return None
        return pool.submit(self._model().classify, batch.flux)

    def _note(self, result: ChunkResult, batch: Batch, answers: _Answer | None) -> None:
        """Put the outcomes of a batch into the result."""
        result.reject(batch.rejects)
        if answers is None:
            return
        answer, extra = answers.result()
        good = ~np.isnan(answer.p_elliptical)
        result.reject(
            Reject(row, "", NO_PROBABILITY, "the model gives no probability: the picture shows nothing")
            for row in batch.good[~good].tolist()
        )
        numbers = {"p_elliptical": answer.p_elliptical, "p_spiral": answer.p_spiral}
        flags = batch.flags.copy()
        if answer.novelty is not None and answer.novelty_distance is not None:
            numbers |= {"novelty": answer.novelty, "novelty_distance": answer.novelty_distance}
            with np.errstate(invalid="ignore"):
                flags[answer.novelty >= UNLIKE_FROM] |= Flag.UNLIKE
        kept = np.flatnonzero(good)
        result.add(
            batch.good[kept].tolist(),
            numbers={name: values[kept] for name, values in numbers.items()},
            morphology=[answer.morphology[place] for place in kept.tolist()],
            flags=flags[kept],
            version=answer.version,
            extra={name: values[kept] for name, values in extra.items()},
        )
