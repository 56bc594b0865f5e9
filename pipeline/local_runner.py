"""Run pipelines on this machine with TFX's LocalDagRunner, and report the state of each node.

``python -m pipeline.local_runner JOBS.json EVENTS`` is the process that `pipeline.child` starts. It imports
TFX (20 s), so that the command line does not have to. Its standard output and error, and so everything that
TensorFlow, Beam and TFX print, go to the log of the run.
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

from catalog.runners import check_runner
from pipeline.config import Settings
from pipeline.create import Place, create_cross_validation, create_pipeline, create_training
from pipeline.events import (
    Event,
    FailureEvent,
    JobEvent,
    NodeEvent,
    ProgressHandler,
    write_event,
)
from pipeline.failures import INPUT_ERRORS, cause_of, one_line
from pipeline.memory import forget_peak, peak_memory
from pipeline.plain_path import plain_path
from preprocessing.garbage import keep_imported
from preprocessing.progress import PROGRESS_LOGGER

_CREATE = {
    "run": create_pipeline,
    "cross_validation": create_cross_validation,
    "training": create_training,
}


def local_place(settings: Settings, root: Path) -> Place:
    """Return the `Place` of a run on this machine: artifacts and SQLite metadata under the root.

    Parameters
    ----------
    settings : Settings
    root : Path
        `[pipeline] root`, as a path without wildcard characters (see `pipeline.plain_path`).

    Returns
    -------
    Place
    """
    return Place(
        root=str(root / "artifacts"),
        beam_args=_beam_args(settings.pipeline.beam_args),
        metadata=sqlite_metadata_connection_config(str(root / "metadata.sqlite")),
        scratch=str(root / "scratch"),
    )


def _beam_args(args: tuple[str, ...]) -> tuple[str, ...]:
    """Return Beam's arguments, checked, and so that TFX does not package itself for workers.

    Packaging takes 2 s and 42 MB at every node, lacks galmorph, and can hang a worker that installs it. TFX
    skips it if a container image is given.
    """
    if "--runner=DirectRunner" not in args:
        check_runner(args)
    image = any(argument.startswith("--sdk_container_image") for argument in args)
    return args if image else (*args, "--sdk_container_image=none")


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
            The exception of the failed node.
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
            keras.utils.clear_session()  # free memory and layer names for the next network
            return info

        # LocalDagRunner has no hook between nodes, but every node passes through its launcher.
        launcher.Launcher.launch = launch_and_tell
        try:
            self.run(pipeline)
        finally:
            launcher.Launcher.launch = launch


def _result(node_launcher: launcher.Launcher, execution_id: int | None) -> tuple[str, dict[str, str]]:
    """Return ``done``, ``cached`` or ``skipped``, and the paths of the outputs."""
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
    """Return whether a Pusher did not push the model, in this run or when it last ran."""
    properties = artifact.custom_properties
    return "pushed" in properties and not properties["pushed"].int_value


def _end_with_parent() -> None:
    """End this process and its children when the command that started it has ended."""
    sys.stdin.read()
    os.killpg(0, signal.SIGKILL)


def main() -> int:
    """Run the jobs in the file of the first argument; write events to the descriptor of the second.

    Returns
    -------
    int
        0, or 1 if a job failed. The jobs after a failed one are still run.
    """
    keep_imported()
    jobs = json.loads(Path(sys.argv[1]).read_text())
    events = os.fdopen(int(sys.argv[2]), "w")
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        force=True,  # absl, which TFX imports, has set a handler of its own
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
            cause = cause_of(error)
            write_event(events, FailureEvent(one_line(cause), isinstance(cause, INPUT_ERRORS)))
            status = 1
    return status


if __name__ == "__main__":
    status = main()
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    # Beam and gRPC leave threads behind that can take seconds, or forever, to end.
    os._exit(status)
