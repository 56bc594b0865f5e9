"""Run the classification on a Beam runner: in this process, or on a cluster."""

import contextlib
import logging
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import FrameType

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from catalog import chunks, progress
from catalog.errors import CatalogError
from catalog.plan import Plan
from catalog.runners import cause_of
from catalog.stamps import stop_reading
from catalog.store import Store
from catalog.worker import ClassifyTask, Job

LOCAL = "DirectRunner"
_LOCAL_OPTIONS = ("--direct_running_mode=in_memory", "--direct_num_workers=1")
_POLL = {True: 0.5, False: 10.0}  # seconds between two looks at the progress, of a local run and of others
LOG = "beam.log"
"""File with what a runner says, on this machine."""


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

    @property
    def reaches_disks(self) -> bool:
        """Whether workers may have a disk in common with this machine; those of Dataflow have none."""
        return "Dataflow" not in self.runner

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
    messages: str,
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
    messages : str
        Folder of this machine for the file `LOG`.

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
    missing = {chunk for task in waiting for chunk in task}
    ended = threading.Event()

    def done() -> int:
        if engine.is_local:
            return progress.done(job.work)
        return plan.rows_of(missing & chunks.finished(store))

    def watch() -> None:
        while not ended.wait(_POLL[engine.is_local]):
            with contextlib.suppress(CatalogError):  # the next look may succeed
                on_progress(done())

    watcher = threading.Thread(target=watch, name="progress", daemon=True)
    watcher.start()
    result = None
    try:
        with _log(engine, messages), _stopping_at_interrupts(engine, job.work):
            pipeline = beam.Pipeline(options=PipelineOptions(engine.arguments()))
            _ = pipeline | "tasks" >> beam.Create(waiting) | "classify" >> beam.ParDo(ClassifyTask(job))
            result = pipeline.run()
            result.wait_until_finish()
            if progress.stopped(job.work):
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        progress.stop(job.work)  # workers may be threads of this process
        if result is not None and not engine.is_local:
            with contextlib.suppress(Exception):  # the job server may be gone
                result.cancel()
        raise
    except Exception as error:
        raise _meaning(error, progress.fault(job.work), engine, messages) from error
    finally:
        ended.set()
        watcher.join()
        stop_reading()
    on_progress(plan.rows_of(missing))


@contextlib.contextmanager
def _stopping_at_interrupts(engine: Engine, run: str) -> Iterator[None]:
    """Context in which the first Ctrl-C asks the steps of this process to stop, which they do within a batch.

    As an exception, it would be logged with a traceback by Beam.
    """
    # Signals are handled in the main thread only.
    if not engine.is_local or threading.current_thread() is not threading.main_thread():
        yield
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


@contextlib.contextmanager
def _log(engine: Engine, messages: str) -> Iterator[None]:
    """Context in which what a cluster's runner says goes to a file, and nothing of it to the terminal.

    It repeats the exceptions of workers many times. What the local runner says is dropped: its exception is
    at hand.
    """
    if engine.is_local:
        beams = logging.getLogger("apache_beam")
        earlier = beams.level
        beams.setLevel(logging.CRITICAL + 1)
        try:
            yield
        finally:
            beams.setLevel(earlier)
        return
    handler = logging.FileHandler(f"{messages}/{LOG}")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logger = logging.getLogger()  # Beam uses it, too
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.close()


def _meaning(error: Exception, fault: BaseException | None, engine: Engine, messages: str) -> BaseException:
    """Return the exception of a step, which a runner wraps or turns into text."""
    if fault is not None:
        return fault
    if engine.is_local:
        return error
    return CatalogError(f"{engine.runner}: {cause_of(error)}; {messages}/{LOG} holds its messages")
