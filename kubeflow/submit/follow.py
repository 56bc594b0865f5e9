"""Follow a run to its end."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_delay, wait_exponential

from kubeflow.submit.api import Pipelines
from kubeflow.submit.errors import BusyError, FaultError, NotFollowedError
from kubeflow.submit.nodes import Node, names_in, nodes_of
from kubeflow.submit.outcome import Outcome, agrees, outcome

_LOOKS_AT_THE_END = 4


@dataclass(frozen=True)
class Patience:
    """How to wait.

    Attributes
    ----------
    poll : float
        Time between two looks at the run [s].
    retry_for : float
        How long a server that does not answer is asked again [s].
    timeout : float or None
        Longest time to follow the run [s].
    """

    poll: float = 5.0
    retry_for: float = 600.0
    timeout: float | None = None


@dataclass(frozen=True)
class Look:
    """A run at one moment.

    Attributes
    ----------
    run : kfp_server_api.V2beta1Run
    nodes : list of Node
    outcome : Outcome or None
        None while the run goes on.
    """

    run: Any
    nodes: list[Node]
    outcome: Outcome | None


def follow(
    pipelines: Pipelines,
    run_id: str,
    names: Sequence[str],
    patience: Patience,
    notify: Callable[[str], None],
) -> Iterator[Look]:
    """Look at a run again and again until it has ended.

    Parameters
    ----------
    pipelines : Pipelines
    run_id : str
    names : sequence of str
        Its nodes; if empty, those that the API tells about.
    patience : Patience
    notify : callable
        Told when the server does not answer.

    Yields
    ------
    Look
        The last one has an outcome.

    Raises
    ------
    NotFollowedError
        If the server does not answer for too long, or the time is over.
    SubmitError
        If the server refuses.
    """
    until = None if patience.timeout is None else time.monotonic() + patience.timeout
    looks = 0
    while True:
        run = _ask(pipelines, run_id, patience, notify)
        nodes = nodes_of(run, names or names_in(run), datetime.now(UTC))
        ended = outcome(run, nodes)
        if ended is not None:
            looks += 1
            if agrees(run, nodes) or looks == _LOOKS_AT_THE_END:
                yield Look(run, nodes, ended)
                return
        yield Look(run, nodes, None)
        if until is not None and time.monotonic() >= until:
            raise NotFollowedError(f"the run has not ended within {patience.timeout:g} s (--timeout)")
        time.sleep(patience.poll)


def _ask(pipelines: Pipelines, run_id: str, patience: Patience, notify: Callable[[str], None]) -> Any:
    def tell(state: RetryCallState) -> None:
        if state.attempt_number == 1 and state.outcome is not None:
            notify(f"{state.outcome.exception()}; asked again for up to {patience.retry_for:g} s")

    attempts = Retrying(
        stop=stop_after_delay(patience.retry_for),
        wait=wait_exponential(min(1.0, patience.poll), max=30),
        retry=retry_if_exception_type((BusyError, FaultError)),
        before_sleep=tell,
        reraise=True,
    )
    try:
        return attempts(pipelines.run, run_id)
    except (BusyError, FaultError) as error:
        raise NotFollowedError(f"{error}, for {patience.retry_for:g} s") from None
