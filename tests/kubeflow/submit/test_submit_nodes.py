"""States of nodes and runs, from task details as the API server of KFP 2.16 fills them."""

import json
from datetime import timedelta
from types import SimpleNamespace

import pytest
from kfp_package import NODES
from kfp_server import (
    GOOD,
    START,
    at,
    cached,
    done,
    driver_failed,
    entry,
    failed,
    omitted,
    running,
)
from kfp_server_api import ApiClient

from kubeflow.names import PUBLICATION_GATE
from kubeflow.submit.nodes import Node, State, names_in, nodes_of
from kubeflow.submit.outcome import End, Outcome, agrees, outcome
from kubeflow.submit.show import duration

NOW = START + timedelta(seconds=100)


def told(state: str, tasks: list[dict], **more: object):
    """A run as KFP's client makes it of the API's answer."""
    body = {"run_id": "r", "state": state, "run_details": {"task_details": tasks}, **more}
    return ApiClient().deserialize(SimpleNamespace(data=json.dumps(body)), "V2beta1Run")


def states(state: str, tasks: list[dict], names=NODES) -> dict[str, State]:
    return {node.name: node.state for node in nodes_of(told(state, tasks), names, NOW)}


def node(tasks: list[dict], name: str = "Trainer", state: str = "RUNNING") -> Node:
    return next(node for node in nodes_of(told(state, tasks), NODES, NOW) if node.name == name)


def test_a_node_from_nothing_to_its_end():
    pending = [entry("root-driver", "SUCCEEDED", 0, 5), entry("root", "RUNNING", 5)]
    assert node(pending) == Node("Trainer", State.PENDING)
    assert node([entry("Trainer-driver", "PENDING", 40)]).state is State.PENDING
    assert node([entry("Trainer-driver", "RUNNING", 40)]).state is State.RUNNING
    assert node([entry("Trainer-driver", "SUCCEEDED", 40, 45)]).state is State.PENDING
    waiting = node(running("Trainer", 40, pod="PENDING"))
    assert waiting.state is State.PENDING and "pod" in waiting.note
    assert node(running("Trainer", 40)) == Node("Trainer", State.RUNNING, 55.0)
    assert node(done("Trainer", 40, 30)) == Node("Trainer", State.DONE, 30.0)


def test_no_task_details_yet():
    run = ApiClient().deserialize(SimpleNamespace(data='{"run_id": "r"}'), "V2beta1Run")
    assert {node.state for node in nodes_of(run, NODES, NOW)} == {State.PENDING}
    assert outcome(run, []) is None and names_in(run) == ()


def test_a_cached_node_beside_one_that_begins_in_the_same_second():
    """The API does not say to which task a pod belongs; the fold trainers start together."""
    tasks = cached("FoldTrainer-0", 40) + running("FoldTrainer-1", 40) + done("FoldTrainer-2", 40, 60)
    assert states("RUNNING", tasks, ["FoldTrainer-0", "FoldTrainer-1", "FoldTrainer-2"]) == {
        "FoldTrainer-0": State.DONE,  # its pod cannot be told from the others', so nothing is claimed
        "FoldTrainer-1": State.RUNNING,
        "FoldTrainer-2": State.DONE,
    }
    alone = cached("FoldTrainer-0", 40) + cached("FoldTrainer-1", 40) + running("Trainer", 60)
    assert states("RUNNING", alone, ["FoldTrainer-0", "FoldTrainer-1", "Trainer"]) == {
        "FoldTrainer-0": State.CACHED,
        "FoldTrainer-1": State.CACHED,
        "Trainer": State.RUNNING,
    }


def test_a_cached_node_where_the_api_says_so():
    assert node([entry("Trainer", "CACHED", 40, 40)]).state is State.CACHED


def test_a_quick_node_that_was_not_cached():
    assert node(done("Trainer", 40, 1)).state is State.DONE


def test_a_failed_node_and_those_after_it():
    tasks = done("RunSettings", 0, 20) + failed("Trainer", 40, 30) + omitted("Pusher", 75)
    assert states("FAILED", tasks) == {
        "RunSettings": State.DONE,
        "Trainer": State.FAILED,
        "Pusher": State.SKIPPED,
        "PublicationGate": State.SKIPPED,
    }
    assert node(tasks, "Trainer", "FAILED").seconds == 30


def test_messages_where_the_api_has_them():
    plain = failed("Trainer", 40, 30)
    assert node(plain).note == ""
    error = {"code": 2, "message": "OOMKilled\n(exit code 137)"}
    assert node(failed("Trainer", 40, 30, error=error)).note == "OOMKilled (exit code 137)"
    history = [{"update_time": at(70), "state": "FAILED", "error": error}]
    assert node(failed("Trainer", 40, 30, state_history=history)).note == "OOMKilled (exit code 137)"
    pods = {"failed_main_jobs": ["galaxies-x7-1", "galaxies-x7-2"]}
    assert (
        node(failed("Trainer", 40, 30, executor_detail=pods)).note
        == "failed pods: galaxies-x7-1, galaxies-x7-2"
    )


def test_a_driver_that_failed():
    broken = node(driver_failed("Trainer", 40))
    assert broken.state is State.FAILED and broken.failed_before_start and "driver" in broken.note


def test_a_run_that_was_retried_counts_as_it_is_now():
    assert node(failed("Trainer", 40, 30) + running("Trainer", 90)).state is State.RUNNING


def test_names_where_the_specification_is_not_known():
    tasks = [entry("root-driver", "SUCCEEDED", 0, 5), entry("root", "RUNNING", 5)]
    tasks += running("Trainer", 40) + done("RunSettings", 6, 20)
    assert names_in(told("RUNNING", tasks)) == ("RunSettings", "Trainer")


def how(state: str, tasks: list[dict], **more: object) -> Outcome | None:
    run = told(state, tasks, **more)
    return outcome(run, nodes_of(run, NODES, NOW))


def test_how_runs_end():
    assert how("RUNNING", GOOD) is None and how("CANCELING", GOOD) is None and how("PAUSED", GOOD) is None
    assert how("SUCCEEDED", GOOD + done(PUBLICATION_GATE, 700, 4)) == Outcome(End.SUCCEEDED)
    ended = how("FAILED", GOOD[:3] + failed("Trainer", 40, 30))
    assert ended.end is End.FAILED and "Trainer" in ended.reason


def test_a_refusal_is_a_failure_of_the_gates_container_alone():
    assert how("FAILED", GOOD + failed(PUBLICATION_GATE, 700, 4)).end is End.REFUSED
    assert how("FAILED", GOOD + driver_failed(PUBLICATION_GATE, 700)).end is End.FAILED
    both = GOOD[:6] + failed("Pusher", 660, 4) + failed(PUBLICATION_GATE, 700, 4)
    assert how("FAILED", both).end is End.FAILED
    assert (
        how("FAILED", GOOD[:3] + failed("Trainer", 40, 30) + omitted(PUBLICATION_GATE, 75)).end is End.FAILED
    )


def test_a_cancelled_run_is_none_that_failed():
    """KFP's own client waits for ever for a cancelled run."""
    assert how("CANCELED", GOOD).end is End.CANCELED
    history = [{"state": "RUNNING"}, {"state": "CANCELING"}, {"state": "FAILED"}]
    gate = GOOD + failed(PUBLICATION_GATE, 700, 4)
    assert how("FAILED", gate, state_history=history).end is End.CANCELED
    assert states("CANCELED", running("Trainer", 40))["Trainer"] is State.CANCELED


def test_a_run_that_failed_as_a_whole():
    ended = how("FAILED", [], error={"code": 13, "message": "workflow:\n  quota exceeded"})
    assert ended == Outcome(End.FAILED, "the run failed: workflow: quota exceeded")


@pytest.mark.parametrize(
    ("state", "tasks", "same"),
    [
        ("SUCCEEDED", GOOD + done(PUBLICATION_GATE, 700, 4), True),
        ("SUCCEEDED", GOOD + running(PUBLICATION_GATE, 700), False),
        ("FAILED", GOOD + failed(PUBLICATION_GATE, 700, 4), True),
        ("FAILED", GOOD + running(PUBLICATION_GATE, 700), False),
        ("CANCELED", GOOD, True),
    ],
)
def test_whether_nodes_have_caught_up_with_the_run(state, tasks, same):
    run = told(state, tasks)
    assert agrees(run, nodes_of(run, NODES, NOW)) is same


def test_durations():
    assert [duration(seconds) for seconds in (None, 0.4, 59.4, 60, 3599, 3600, 90000)] == [
        "", "0 s", "59 s", "1 min 00 s", "59 min 59 s", "1 h 00 min", "25 h 00 min",
    ]  # fmt: skip
