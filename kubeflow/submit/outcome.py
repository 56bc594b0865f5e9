"""How a run ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from kubeflow.names import PUBLICATION_GATE
from kubeflow.submit.nodes import FINAL_RUN_STATES, Node, State, run_state


class End(Enum):
    """How a run ended."""

    SUCCEEDED = "succeeded"
    REFUSED = "refused"
    FAILED = "failed"
    CANCELED = "cancelled"


@dataclass(frozen=True)
class Outcome:
    """How a run ended, and why.

    Attributes
    ----------
    end : End
    reason : str
        One line; empty if it succeeded.
    """

    end: End
    reason: str = ""


def outcome(run: Any, nodes: Sequence[Node]) -> Outcome | None:
    """Return how a run ended; None while it goes on.

    Parameters
    ----------
    run : kfp_server_api.V2beta1Run
    nodes : sequence of Node
        Its nodes.

    Returns
    -------
    Outcome or None
        ``REFUSED`` if nothing failed but the container of the node `PUBLICATION_GATE`.
    """
    state = run_state(run)
    if state not in FINAL_RUN_STATES:
        return None
    if state == "SUCCEEDED":
        return Outcome(End.SUCCEEDED)
    history = [str(status.state) for status in run.state_history or ()]
    if state == "CANCELED" or "CANCELING" in history:
        return Outcome(End.CANCELED, "the run was cancelled")
    failed = [node for node in nodes if node.state is State.FAILED]
    if [node.name for node in failed] == [PUBLICATION_GATE] and not failed[0].failed_before_start:
        return Outcome(End.REFUSED, "the model was not good enough; nothing was published")
    if failed:
        reasons = (f"{node.name} failed{': ' + node.note if node.note else ''}" for node in failed)
        return Outcome(End.FAILED, "; ".join(reasons))
    told = run.error.message if run.error else ""
    return Outcome(End.FAILED, f"the run {state.lower()}{': ' + ' '.join(told.split()) if told else ''}")


def agrees(run: Any, nodes: Sequence[Node]) -> bool:
    """Return whether a finished run and its nodes tell the same. KFP stores the run before its nodes."""
    states = {node.state for node in nodes}
    if run_state(run) == "SUCCEEDED":
        return State.SKIPPED not in states
    return run_state(run) != "FAILED" or State.FAILED in states
