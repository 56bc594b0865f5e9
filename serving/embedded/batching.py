"""Join concurrent requests to batches, as the batching of TF Serving does."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import grpc
import numpy as np

from serving.embedded.errors import ServingError
from serving.embedded.metrics import Metrics
from serving.embedded.signature import Arrays
from serving.embedded.version import LoadedVersion

Answers = dict[str, np.ndarray]


@dataclass(frozen=True)
class BatchingSettings:
    """Limits of the batches, named as in TF Serving's batching parameters.

    Attributes
    ----------
    max_batch_size : int
        Objects in a batch. A larger request is a batch of its own.
    batch_timeout : float
        How long a request waits for others while no batch is computed [s].
    busy_timeout : float
        How long it waits for others while a batch is computed and another batch thread is free [s]. A second
        batch shares the processors with the first, so a full one a little later is answered sooner.
    num_batch_threads : int
        Batches that are computed at the same time.
    max_enqueued_objects, max_enqueued_bytes : int
        Requests beyond either are refused.
    """

    max_batch_size: int = 16
    batch_timeout: float = 0.002
    busy_timeout: float = 0.05
    num_batch_threads: int = 2
    max_enqueued_objects: int = 4096
    max_enqueued_bytes: int = 512 * 2**20


@dataclass(eq=False)
class _Waiting:
    version: LoadedVersion
    signature: str
    arrays: Arrays
    rows: int
    size: int
    answer: asyncio.Future
    since: float = field(default_factory=time.monotonic)

    @property
    def like(self) -> tuple:
        """Requests of which this is equal can be joined."""
        shapes = sorted((name, array.dtype.str, array.shape[1:]) for name, array in self.arrays.items())
        return self.version, self.signature, tuple(shapes)


class Batcher:
    """Queues of requests that can be joined, and the threads that compute them.

    To be used within one event loop.

    Parameters
    ----------
    settings : BatchingSettings
    metrics : Metrics
    """

    def __init__(self, settings: BatchingSettings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._pool = ThreadPoolExecutor(settings.num_batch_threads, thread_name_prefix="batch")
        self._free = settings.num_batch_threads
        self._queues: dict[tuple, deque[_Waiting]] = {}
        self._objects = self._bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._running: set[asyncio.Task] = set()

    async def run(self, version: LoadedVersion, signature: str, arrays: Arrays) -> Answers:
        """Return the answers for one request; if the caller is cancelled, the request leaves its queue.

        Parameters
        ----------
        version : LoadedVersion
        signature : str
        arrays : mapping of numpy.ndarray
            Checked by `Signature.check`.

        Raises
        ------
        ServingError
            ``RESOURCE_EXHAUSTED`` if too much waits already; otherwise what the model says of this request.
            The other requests of its batch do not suffer from it.
        """
        rows, size = len(next(iter(arrays.values()))), sum(map(_bytes, arrays.values()))
        self._refuse_if_full(rows, size)
        answer = asyncio.get_running_loop().create_future()
        waiting = _Waiting(version, signature, arrays, rows, size, answer)
        self._objects, self._bytes = self._objects + rows, self._bytes + size
        self._queues.setdefault(waiting.like, deque()).append(waiting)
        self._schedule()
        return await answer

    async def close(self) -> None:
        """Wait for the batches that are being computed."""
        await asyncio.gather(*self._running, return_exceptions=True)
        self._pool.shutdown()

    def _refuse_if_full(self, rows: int, size: int) -> None:
        limits = self._settings
        objects_after, bytes_after = self._objects + rows, self._bytes + size
        if self._objects and (
            objects_after > limits.max_enqueued_objects or bytes_after > limits.max_enqueued_bytes
        ):
            raise ServingError(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"the server is busy: {self._objects} objects of {self._bytes / 2**20:.0f} MiB wait already"
                f" (limits {limits.max_enqueued_objects} and {limits.max_enqueued_bytes / 2**20:.0f} MiB);"
                " try again later",
            )

    def _schedule(self) -> None:
        while self._free and (batch := self._next_batch()):
            self._free -= 1
            task = asyncio.get_running_loop().create_task(self._compute(batch))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    def _next_batch(self) -> list[_Waiting]:
        """Take the batch whose oldest request has waited longest, of those that are full or due."""
        self._forget_cancelled()
        limits, now, soonest, chosen = self._settings, time.monotonic(), float("inf"), None
        timeout = limits.batch_timeout if self._free == limits.num_batch_threads else limits.busy_timeout
        for like, queue in self._queues.items():
            full = sum(waiting.rows for waiting in queue) >= limits.max_batch_size
            due = queue[0].since + (0.0 if full else timeout)
            if due < soonest:
                soonest, chosen = due, like
        if chosen is None:
            return []
        if soonest > now:
            self._wake_at(soonest - now)
            return []
        queue, rows = self._queues[chosen], 0
        batch: list[_Waiting] = []
        while queue and (not batch or rows + queue[0].rows <= limits.max_batch_size):
            batch.append(self._take(queue.popleft()))
            rows += batch[-1].rows
        if not queue:
            del self._queues[chosen]
        return batch

    def _forget_cancelled(self) -> None:
        for like, queue in list(self._queues.items()):
            if any(waiting.answer.done() for waiting in queue):
                kept = deque(waiting for waiting in queue if not waiting.answer.done())
                for waiting in queue:
                    if waiting.answer.done():
                        self._take(waiting)
                self._queues[like] = kept
            if not self._queues[like]:
                del self._queues[like]

    def _take(self, waiting: _Waiting) -> _Waiting:
        self._objects, self._bytes = self._objects - waiting.rows, self._bytes - waiting.size
        return waiting

    def _wake_at(self, delay: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(delay, self._schedule)

    async def _compute(self, batch: list[_Waiting]) -> None:
        self._metrics.batch(sum(waiting.rows for waiting in batch))
        try:
            loop = asyncio.get_running_loop()
            results = await loop.run_in_executor(self._pool, _answers, batch)
        except Exception as error:
            # A fault of ours must not leave clients waiting.
            results = [error] * len(batch)
        finally:
            self._free += 1
        for waiting, result in zip(batch, results, strict=True):
            if waiting.answer.done():
                continue
            if isinstance(result, Exception):
                waiting.answer.set_exception(result)
            else:
                waiting.answer.set_result(result)
        self._schedule()


def _answers(batch: Sequence[_Waiting]) -> list[Answers | Exception]:
    """Return the answer or the error of each request of a batch.

    A batch that fails is computed again in halves, so that one bad request costs few repetitions, and its
    error is that of the request alone: positions in the message are those of the client.
    """
    batch_left = [waiting for waiting in batch if not waiting.answer.done()]
    try:
        found = dict(zip(batch_left, _joined(batch_left), strict=True)) if batch_left else {}
    except Exception as error:
        if len(batch) == 1:
            return [error]
        middle = len(batch) // 2
        return [*_answers(batch[:middle]), *_answers(batch[middle:])]
    return [found.get(waiting, {}) for waiting in batch]


def _joined(batch: Sequence[_Waiting]) -> list[Answers]:
    first, rows = batch[0], [waiting.rows for waiting in batch]
    arrays = {
        name: np.concatenate([waiting.arrays[name] for waiting in batch]) if len(batch) > 1 else array
        for name, array in first.arrays.items()
    }
    answers = first.version.run(first.signature, arrays)
    for name, answer in answers.items():
        if answer.shape[:1] != (sum(rows),):
            raise ServingError(
                grpc.StatusCode.INTERNAL,
                f"{first.signature} gave {name} of shape {answer.shape} for {sum(rows)} objects",
            )
    ends = np.cumsum(rows)
    return [
        {name: answer[end - count : end] for name, answer in answers.items()}
        for end, count in zip(ends, rows, strict=True)
    ]


def _bytes(array: np.ndarray) -> int:
    return sum(map(len, array.flat)) if array.dtype == object else array.nbytes
