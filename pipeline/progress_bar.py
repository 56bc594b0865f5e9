"""The progress bar of a command; shown on a terminal only."""

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text


class _Rate(ProgressColumn):
    """Items a second."""

    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:,.0f}/s")


def progress_bar(console: Console, unit: str = "") -> Progress:
    """Return a progress bar that disappears at the end.

    Parameters
    ----------
    console : Console
    unit : str
        ``bytes`` shows sizes and speed, ``rate`` counts items and shows how many come a second; with anything
        else items are counted.

    Returns
    -------
    rich.progress.Progress
        A context manager.
    """
    figures: tuple[ProgressColumn, ...] = (MofNCompleteColumn(),)
    if unit == "bytes":
        figures = (DownloadColumn(), TransferSpeedColumn())
    elif unit == "rate":
        figures = (MofNCompleteColumn(), _Rate())
    columns = (TextColumn("  {task.description}", markup=False), BarColumn(), *figures, TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
