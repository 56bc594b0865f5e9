"""The states of a run's nodes, from what the API tells about the tasks of the Argo workflow.

KFP 2.16 tells about every node of the workflow, without identifiers that would link a task with its pods: for
a task X a driver ``X-driver``, the task ``X``, and below it ``executor``, the pod (``executor(0)`` and so on
with retries). It tells no messages either. Later versions fill in more, which is used where it is there.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

_DRIVER = "-driver"
_POD = "executor"
_SAME_MOMENT = 1.0
"""Largest difference of times that belong together [s]. The API tells whole seconds; no pod is as quick."""


class State(StrEnum):
    """What a node does."""

    PENDING = "pending"
    RUNNING = "running"
    CACHED = "cached"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "not run"
    CANCELED = "cancelled"


_OPEN = (State.PENDING, State.RUNNING)
FINAL_RUN_STATES = ("SUCCEEDED", "FAILED", "CANCELED", "SKIPPED", "ERROR")
"""The states that a run does not leave."""


@dataclass(frozen=True)
class Node:
    """A node of the pipeline.

    Attributes
    ----------
    name : str
        Its task in the pipeline specification.
    state : State
    seconds : float or None
        How long it has run; None if it has not, or was served from the cache.
    note : str
        Why it failed or waits, as far as the API tells; may be empty.
    failed_before_start : bool
        Whether its driver failed, so that its container never started.
    """

    name: str
    state: State
    seconds: float | None = None
    note: str = ""
    failed_before_start: bool = False


def run_state(run: Any) -> str:
    """Return the state of a run, in capitals; empty if the API does not tell it yet."""
    state = str(run.state or "").upper()
    return "" if state == "RUNTIME_STATE_UNSPECIFIED" else state


def task_details(run: Any) -> list[Any]:
    """Return what the API tells about the tasks of a run."""
    details = run.run_details
    return list(details.task_details or ()) if details else []


def names_in(run: Any) -> tuple[str, ...]:
    """Return the nodes of a run whose specification is not known, in the order in which they started."""
    details = sorted(
        task_details(run), key=lambda detail: _moment(detail.start_time) or datetime.max.replace(tzinfo=UTC)
    )
    drivers = (str(detail.display_name) for detail in details if str(detail.display_name).endswith(_DRIVER))
    names = (name.removesuffix(_DRIVER) for name in drivers)
    return tuple(dict.fromkeys(name for name in names if name != "root"))


def nodes_of(run: Any, names: Sequence[str], now: datetime) -> list[Node]:
    """Return the state of every node.

    Parameters
    ----------
    run : kfp_server_api.V2beta1Run
    names : sequence of str
        Tasks of the pipeline, in the order to show.
    now : datetime
        For the time that a running node has taken; with time zone.

    Returns
    -------
    list of Node
    """
    details = task_details(run)
    pods = [detail for detail in details if str(detail.display_name).partition("(")[0] == _POD]
    over = run_state(run) in FINAL_RUN_STATES
    nodes = []
    for name in names:
        driver, task = _latest(details, name + _DRIVER), _latest(details, name)
        node = _node(name, driver, task, pods, now)
        if over and node.state in _OPEN:
            canceled = run_state(run) == "CANCELED" and task is not None
            node = Node(name, State.CANCELED if canceled else State.SKIPPED)
        nodes.append(node)
    return nodes


def _node(name: str, driver: Any, task: Any, pods: Sequence[Any], now: datetime) -> Node:
    state = _state(task)
    if state == "":
        # Argo notes a task that it will not run as omitted, which the API has no word for.
        before = _state(driver)
        if before == "FAILED":
            note = _message(driver) or "its driver failed, so its container was not started"
            return Node(name, State.FAILED, _seconds(driver, now), note, failed_before_start=True)
        if before in ("RUNNING", "PENDING", "SUCCEEDED") or (task is None and driver is None):
            return Node(name, State.RUNNING if before == "RUNNING" else State.PENDING)
        return Node(name, State.SKIPPED)
    seconds = _seconds(task, now)
    mine = [pod for pod in pods if _together(pod, task)]
    if state == "CACHED":
        return Node(name, State.CACHED)
    if state == "SUCCEEDED":
        quick = seconds is not None and seconds <= _SAME_MOMENT
        if quick and mine and all(_state(pod) == "SKIPPED" for pod in mine):
            return Node(name, State.CACHED)
        return Node(name, State.DONE, seconds)
    if state in ("FAILED", "ERROR"):
        return Node(name, State.FAILED, seconds, _message(task) or _attempts(task))
    if state in ("CANCELED", "CANCELING"):
        return Node(name, State.CANCELED, seconds)
    if state == "SKIPPED":
        return Node(name, State.SKIPPED)
    if state == "PENDING":
        return Node(name, State.PENDING)
    if mine and all(_state(pod) == "PENDING" for pod in mine):
        return Node(name, State.PENDING, seconds, "its pod waits for a place, an image or a volume")
    return Node(name, State.RUNNING, seconds)


def _latest(details: Iterable[Any], name: str) -> Any:
    """Return what is told about a node; the newest, because a run that is retried has it twice."""
    mine = [detail for detail in details if detail.display_name == name]
    start = datetime.min.replace(tzinfo=UTC)
    return max(mine, key=lambda detail: _moment(detail.start_time) or start, default=None)


def _state(detail: Any) -> str:
    state = str(getattr(detail, "state", None) or "").upper()
    return "" if state == "RUNTIME_STATE_UNSPECIFIED" else state


def _moment(time: datetime | None) -> datetime | None:
    """Return a time; None for the year 1 and 1970, with which the API says that there is none."""
    if time is None or time.year <= 1970:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _seconds(detail: Any, now: datetime) -> float | None:
    start, end = _moment(detail.start_time), _moment(detail.end_time)
    return None if start is None else max(((end or now) - start).total_seconds(), 0.0)


def _together(one: Any, other: Any) -> bool:
    first, second = _moment(one.start_time), _moment(other.start_time)
    return bool(first and second and abs((first - second).total_seconds()) <= _SAME_MOMENT)


def _message(detail: Any) -> str:
    """Return the message of a failed task; empty where the API, as that of KFP 2.16, tells none."""
    errors = [detail.error, *(status.error for status in detail.state_history or ())]
    messages = [" ".join(str(error.message).split()) for error in errors if error and error.message]
    return messages[-1] if messages else ""


def _attempts(detail: Any) -> str:
    failed = getattr(detail.executor_detail, "failed_main_jobs", None) or []
    return f"failed pods: {', '.join(failed)}" if failed else ""
