"""Run the classification on a Beam runner: in this process, or on a cluster."""

import re
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from types import FrameType

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from catalog import chunks, progress
from catalog.errors import CatalogError
from catalog.plan import Plan
from catalog.stamps import stop_reading
from catalog.store import Store
from catalog.worker import ClassifyTask, Job

LOCAL = "DirectRunner"
_LOCAL_OPTIONS = ("--direct_running_mode=in_memory", "--direct_num_workers=1")
_POLL = {True: 0.5, False: 10.0}  # seconds between two looks at the progress, of a local run and of others
# How Beam's runners write the exception of a step into their messages.
_MESSAGE = re.compile(r"(?:CatalogError|StorageError): (.*?)(?: \[while running|\\n|\n|$)")


@dataclass(frozen=True)
class Engine:
    """A Beam runner.

    Attributes
    ----------
    runner : str
        Its name: ``DirectRunner`` runs in this process; others are named as Beam names them.
    options : tuple of str
        Options for Beam, such as ``--job_endpoint=localhost:8099``.
    """

    runner: str = LOCAL
    options: tuple[str, ...] = ()

    @property
    def is_local(self) -> bool:
        """Whether the steps run in this process."""
        return self.runner == LOCAL and not any(
            option.startswith("--direct_running_mode=") and not option.endswith("=in_memory")
            for option in self.options
        )

    def arguments(self) -> list[str]:
        """Return the options for Beam.

        Beam would download a runner if it were left open, so it is always named.
        """
        given = {option.partition("=")[0] for option in self.options}
        defaults = _LOCAL_OPTIONS if self.runner == LOCAL else ()
        kept = [option for option in defaults if option.partition("=")[0] not in given]
        return [f"--runner={self.runner}", *kept, *self.options]


def classify(
    engine: Engine,
    job: Job,
    plan: Plan,
    tasks: Sequence[tuple[int, int]],
    on_progress: Callable[[int], None],
) -> None:
    """Classify the chunks of some tasks that have no file yet.

    Parameters
    ----------
    engine : Engine
    job : Job
    plan : Plan
    tasks : sequence of (int, int)
        Of `plan`.
    on_progress : callable
        Called with the number of rows that this run has done.

    Raises
    ------
    CatalogError
        If the run failed; what was classified is kept.
    StorageError
        If an object store cannot be read.
    KeyboardInterrupt
        If the user pressed Ctrl-C.
    """
    store = Store(job.work)
    progress.begin(job.work)
    there = chunks.finished(store)
    on_progress(0)
    left = [[chunk for chunk in range(*task) if chunk not in there] for task in tasks]
    waiting = [task for task in left if task]
    if not waiting:
        return
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_POLL[engine.is_local]):
            if engine.is_local:
                on_progress(progress.done(job.work))
            else:
                found = {chunk for task in waiting for chunk in task} & chunks.finished(store)
                on_progress(sum(plan.sizes[chunk] for chunk in found))

    watcher = threading.Thread(target=watch, name="progress", daemon=True)
    watcher.start()
    result = None
    try:
        with _stopping_at_interrupts(job.work) if engine.is_local else nullcontext():
            pipeline = beam.Pipeline(options=PipelineOptions(engine.arguments()))
            _ = pipeline | "tasks" >> beam.Create(waiting) | "classify" >> beam.ParDo(ClassifyTask(job))
            result = pipeline.run()
            result.wait_until_finish()
            if progress.stopped(job.work):
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        if result is not None and not engine.is_local:
            result.cancel()
        raise
    except Exception as error:
        raise _meaning(error, progress.fault(job.work), engine) from error
    finally:
        ended.set()
        watcher.join()
        stop_reading()
    on_progress(sum(plan.sizes[chunk] for task in waiting for chunk in task))


@contextmanager
def _stopping_at_interrupts(run: str) -> Iterator[None]:
    """Context in which the first Ctrl-C asks the steps of this process to stop, which they do within a batch.

    As an exception, it would be logged with a traceback by Beam.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are handled in the main thread only
        return
    earlier = signal.getsignal(signal.SIGINT)

    def stop(number: int, frame: FrameType | None) -> None:
        progress.stop(run)
        signal.signal(signal.SIGINT, earlier)

    signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, earlier)


def _meaning(error: Exception, fault: BaseException | None, engine: Engine) -> BaseException:
    """Return the exception of a step, which a runner wraps or turns into text."""
    if fault is not None:
        return fault
    if engine.is_local:
        return error
    found = _MESSAGE.findall(str(error))
    text = found[-1] if found else " ".join(str(error).split())[-500:]
    return CatalogError(f"{engine.runner}: {text}")
