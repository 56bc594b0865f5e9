"""Terminal output of a comparison."""

from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from report.comparison.sentences import notes, verdict
from report.comparison.table import side_by_side
from report.comparison.write import RunComparison
from report.terminal import say, say_sentence


def show_comparison(console: Console, comparison: RunComparison, page: Path, seconds: float) -> None:
    """Print the runs side by side, the conclusions, and the path of the page.

    Parameters
    ----------
    console : Console
    comparison : RunComparison
    page : Path
    seconds : float
        Wall time [s].
    """
    console.print("[bold]comparison[/]")
    for run in comparison.runs:
        verdict_of_gate = "[green]passed[/]" if run.numbers["gate"]["blessed"] else "[red]refused[/]"
        line = f"  [bold]{run.letter}[/]  {escape(run.name)}  {verdict_of_gate}  {escape(run.path)}"
        console.print(line, highlight=False, soft_wrap=True)
        if run.differs:
            say_sentence(console, f"   {run.differs}")
    console.print(_table(comparison), highlight=False)
    for pair in comparison.pairs:
        for sentence in (verdict(pair), *notes(pair)):
            say_sentence(console, sentence)
    say(console, "page", str(page), is_path=True)
    say(console, "time", f"{seconds:.1f} s")


def _table(comparison: RunComparison) -> Table:
    table = Table(
        box=box.SIMPLE_HEAD, pad_edge=True, caption="each run on its own test split", caption_justify="left"
    )
    table.add_column("number")
    for run in comparison.runs:
        table.add_column(run.letter, justify="right")
    for line in side_by_side(comparison.runs):
        cells = [
            f"{cell.value}\n[dim]{cell.interval}[/]" if cell.interval else cell.value for cell in line.cells
        ]
        table.add_row(escape(line.title), *cells)
    return table
