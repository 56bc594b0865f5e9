"""Runs the pipeline on this machine: TFX's LocalDagRunner, told apart node by node.

``python -m pipeline.local_runner JOBS.json EVENTS`` is the process that `pipeline.child` starts. It imports
TFX (20 s), so that the command line need not; its standard output and error, and with them everything that
TensorFlow, Beam and TFX print, go to the run's log.
"""

import json
import logging
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import keras
from absl import logging as absl_logging
from ml_metadata.proto import metadata_store_pb2
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.metadata import sqlite_metadata_connection_config
from tfx.orchestration.pipeline import Pipeline
from tfx.orchestration.portable import launcher

from components.anomaly_gate.component import AnomalyError
from components.fits_example_gen.ingest import IngestError
from components.picture_gate.component import PictureError
from components.prediction_gen.compatibility import IncompatibleModelError
from pipeline.config import Settings
from pipeline.create import Place, create_cross_validation, create_pipeline, create_training
from pipeline.errors import InputError
from pipeline.events import (
    Event,
    FailureEvent,
    JobEvent,
    NodeEvent,
    ProgressHandler,
    write_event,
)
from pipeline.memory import forget_peak, peak_memory
from pipeline.plain_path import plain_path
from preprocessing.labels.reading import TableError
from preprocessing.progress import PROGRESS_LOGGER
from trainer.callbacks import TrainingDiverged
from trainer.galaxies import TrainingDataError

_CREATE = {
    "run": create_pipeline,
    "cross_validation": create_cross_validation,
    "training": create_training,
}
# A training diverges by the learning rate, the weights or the flux that it was given.
_INPUT_ERRORS = (
    *(AnomalyError, IncompatibleModelError, IngestError, InputError, PictureError, TableError),
    *(TrainingDataError, TrainingDiverged),
)


def local_place(settings: Settings, root: Path) -> Place:
    """Return where a run on this machine keeps things: artifacts and SQLite metadata under the root.

    Parameters
    ----------
    settings : Settings
    root : Path
        `[pipeline] root`, by a path that nothing reads as a pattern.

    Returns
    -------
    Place
    """
    return Place(
        root=str(root / "artifacts"),
        push_directory=settings.push.directory,
        beam_args=_beam_args(settings.pipeline.beam_args),
        metadata=sqlite_metadata_connection_config(str(root / "metadata.sqlite")),
        scratch=str(root / "scratch"),
    )


def _beam_args(args: tuple[str, ...]) -> tuple[str, ...]:
    """Keep TFX from packing itself up at every node for workers that are this process itself."""
    # It takes 2 s and 42 MB each time, and is not done where an image is said to hold all that is needed.
    in_process = "--runner=DirectRunner" in args
    return (*args, "--sdk_container_image=none") if in_process else args


class LocalRunner(LocalDagRunner):
    """TFX's LocalDagRunner, with a callback at the start and the end of each node.

    Parameters
    ----------
    notify : callable
        Gets a `NodeEvent`.
    """

    def __init__(self, notify: Callable[[Event], None]) -> None:
        super().__init__()
        self._notify = notify

    def run_pipeline(self, pipeline: Pipeline) -> None:
        """Run a pipeline.

        Parameters
        ----------
        pipeline : tfx.orchestration.pipeline.Pipeline

        Raises
        ------
        Exception
            Whatever the failed node raised.
        """
        launch = launcher.Launcher.launch
        notify = self._notify

        def launch_and_tell(self: launcher.Launcher):
            node = self._pipeline_node.node_info.id
            started = time.monotonic()
            forget_peak()
            notify(NodeEvent(node, "running"))
            try:
                info = launch(self)
            except BaseException:
                notify(NodeEvent(node, "failed", time.monotonic() - started))
                raise
            state, outputs = _result(self, None if info is None else info.execution_id)
            notify(NodeEvent(node, state, time.monotonic() - started, outputs, peak_memory()))
            keras.utils.clear_session()  # the next network must find neither this one's memory nor its names
            return info

        # LocalDagRunner offers no hook between nodes; its launcher is the one seam that all nodes pass.
        launcher.Launcher.launch = launch_and_tell
        try:
            self.run(pipeline)
        finally:
            launcher.Launcher.launch = launch


def _result(node_launcher: launcher.Launcher, execution_id: int | None) -> tuple[str, dict[str, str]]:
    """Return ``done``, ``cached`` or ``skipped``, and where the outputs are."""
    if execution_id is None:
        return "done", {}
    with node_launcher._mlmd_connection as handle:
        (execution,) = handle.store.get_executions_by_id([execution_id])
        events = [
            event
            for event in handle.store.get_events_by_execution_ids([execution_id])
            if event.type == metadata_store_pb2.Event.OUTPUT
        ]
        artifacts = handle.store.get_artifacts_by_id([event.artifact_id for event in events])
    uris = {artifact.id: os.path.realpath(artifact.uri) for artifact in artifacts}
    outputs = {event.path.steps[0].key: uris[event.artifact_id] for event in events if event.path.steps}
    if any(_was_not_pushed(artifact) for artifact in artifacts):
        return "skipped", outputs
    cached = execution.last_known_state == metadata_store_pb2.Execution.CACHED
    return "cached" if cached else "done", outputs


def _was_not_pushed(artifact: metadata_store_pb2.Artifact) -> bool:
    """Tell whether a Pusher has left a model where it is, now or when it last ran."""
    properties = artifact.custom_properties
    return "pushed" in properties and not properties["pushed"].int_value


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 500 else text[:500] + " ..."


def _cause(error: BaseException) -> BaseException:
    """Return the error that the user can mend, where one stands behind what TFX or Beam raised."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, _INPUT_ERRORS):
            return seen
        seen = seen.__cause__ or seen.__context__
    return error


def _end_with_parent() -> None:
    """End this process, and all that it has started, when the command that started it is gone."""
    sys.stdin.read()
    os.killpg(0, signal.SIGKILL)


def main() -> int:
    """Run the jobs in the file named by the first argument, and tell the pipe named by the second.

    Returns
    -------
    int
        0, or 1 if a job failed; those after it are run all the same.
    """
    jobs = json.loads(Path(sys.argv[1]).read_text())
    events = os.fdopen(int(sys.argv[2]), "w")
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        force=True,  # absl, under TFX, has put a handler of its own there
    )
    absl_logging.set_verbosity(absl_logging.INFO)
    logging.getLogger("apache_beam").setLevel(logging.WARNING)
    progress = logging.getLogger(PROGRESS_LOGGER)
    progress.setLevel(logging.INFO)
    progress.addHandler(ProgressHandler(events))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    status = 0
    for number, job in enumerate(jobs):
        write_event(events, JobEvent(number))
        try:
            settings = Settings.model_validate(job["settings"])
            with plain_path(Path(settings.pipeline.root)) as root:
                pipeline = _CREATE[job["task"]](settings, job["fingerprint"], local_place(settings, root))
                LocalRunner(lambda event: write_event(events, event)).run_pipeline(pipeline)
        except Exception as error:
            traceback.print_exc()
            cause = _cause(error)
            write_event(events, FailureEvent(_one_line(cause), isinstance(cause, _INPUT_ERRORS)))
            status = 1
    return status


if __name__ == "__main__":
    status = main()
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    # Beam and gRPC leave threads behind that can take seconds, or forever, to end.
    os._exit(status)
