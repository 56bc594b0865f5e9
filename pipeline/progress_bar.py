"""The progress bar of a command; shown on a terminal only."""

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)


def progress_bar(console: Console, unit: str = "") -> Progress:
    """Return a progress bar that disappears at the end.

    Parameters
    ----------
    console : Console
    unit : str
        ``bytes`` shows sizes and speed; with anything else items are counted.

    Returns
    -------
    rich.progress.Progress
        A context manager.
    """
    figures: tuple[ProgressColumn, ...] = (MofNCompleteColumn(),)
    if unit == "bytes":
        figures = (DownloadColumn(), TransferSpeedColumn())
    columns = (TextColumn("  {task.description}", markup=False), BarColumn(), *figures, TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
