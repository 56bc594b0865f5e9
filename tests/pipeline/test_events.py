import io
import logging

import pytest
from rich.console import Console

from pipeline.display import RunDisplay
from pipeline.events import FailureEvent, NodeEvent, ProgressEvent, ProgressHandler, read_event, write_event

EVENTS = [
    NodeEvent("Trainer", "done", 1.5),
    FailureEvent("a [bracketed] message", input=True),
    ProgressEvent({"phase": "epoch", "epoch": 1, "epochs": 3, "loss": 0.5}),
]


@pytest.mark.parametrize("event", EVENTS)
def test_events_survive_the_pipe(event):
    stream = io.StringIO()
    write_event(stream, event)
    assert stream.getvalue().count("\n") == 1
    assert read_event(stream.getvalue()) == event


def test_only_records_with_an_event_are_passed_on():
    stream = io.StringIO()
    logger = logging.Logger("test")
    logger.addHandler(ProgressHandler(stream))
    logger.info("words only")
    logger.info("with event", extra={"event": {"phase": "training"}})
    assert read_event(stream.getvalue()) == ProgressEvent({"phase": "training"})


def shown(*events, terminal: bool) -> str:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=60, color_system=None)
    with RunDisplay(console) as display:
        for event in events:
            display.show(event)
    return stream.getvalue()


@pytest.mark.parametrize("terminal", [False, True])
def test_every_finished_node_and_epoch_has_a_line(terminal):
    epoch = {"phase": "epoch", "epoch": 2, "epochs": 3, "loss": 0.25, "val_auc": 0.875}
    events = [
        NodeEvent("FitsExampleGen", "running"),
        ProgressEvent({"phase": "checking stamps", "done": 64, "total": 100}),
        NodeEvent("FitsExampleGen", "cached", 0.1),
        NodeEvent("Trainer", "running"),
        ProgressEvent({"phase": "training", "epoch": 2, "epochs": 3, "share": 0.5}),
        ProgressEvent(epoch),
        NodeEvent("Trainer", "failed", 12.3),
    ]
    text = shown(*events, terminal=terminal)
    assert "FitsExampleGen          cached     0.1 s  unchanged since an earlier run" in text
    assert "epoch   2/3  loss 0.2500  AUC 0.8750" in text
    assert "Trainer                 failed    12.3 s" in text
