"""A run on the terminal: a live table, or one line for every change where there is no terminal."""

from collections.abc import Iterable
from datetime import UTC, datetime

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from kubeflow.submit.follow import Look
from kubeflow.submit.nodes import Node, State

_STYLES = {
    State.PENDING: "dim",
    State.RUNNING: "cyan",
    State.CACHED: "green",
    State.DONE: "green",
    State.FAILED: "bold red",
    State.SKIPPED: "dim",
    State.CANCELED: "yellow",
}


def show(console: Console, looks: Iterable[Look]) -> Look:
    """Show a run until it has ended.

    Parameters
    ----------
    console : Console
    looks : iterable of Look

    Returns
    -------
    Look
        The last one.
    """
    return _live(console, looks) if console.is_terminal else _lines(console, looks)


def table(nodes: Iterable[Node]) -> Table:
    """Return the table of a run's nodes."""
    shown = Table(box=None, padding=(0, 2))
    shown.add_column("node", no_wrap=True)
    shown.add_column("state", no_wrap=True)
    shown.add_column("time", justify="right", no_wrap=True)
    shown.add_column("")
    for node in nodes:
        state = Text(node.state.value, _STYLES[node.state])
        shown.add_row(Text(node.name), state, duration(node.seconds), Text(node.note))
    return shown


def duration(seconds: float | None) -> str:
    """Return a time in words, such as ``1 h 02 min``; empty for None."""
    if seconds is None:
        return ""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def _live(console: Console, looks: Iterable[Look]) -> Look:
    last: Look | None = None
    with Live(console=console, refresh_per_second=4, vertical_overflow="visible") as live:
        for last in looks:
            live.update(table(last.nodes), refresh=True)
    assert last is not None  # `follow` yields at least once
    return last


def _lines(console: Console, looks: Iterable[Look]) -> Look:
    before: dict[str, tuple[State, str]] = {}
    last: Look | None = None
    for last in looks:
        for node in last.nodes:
            now = (node.state, node.note)
            if now != before.get(node.name, (State.PENDING, "")):
                console.print(Text(_line(node)), highlight=False, soft_wrap=True)
            before[node.name] = now
    assert last is not None
    return last


def _line(node: Node) -> str:
    taken = ""
    if node.state in (State.DONE, State.FAILED) and node.seconds is not None:
        taken = f" ({duration(node.seconds)})"
    note = f": {node.note}" if node.note else ""
    return f"  {datetime.now(UTC):%H:%M:%S}  {node.name} {node.state.value}{taken}{note}"
