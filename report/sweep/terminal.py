"""Terminal output of a sweep."""

from pathlib import Path

from rich.console import Console
from rich.markup import escape

from evaluation.comparison import p_text
from report.sweep.points import Point
from report.sweep.results import PointResult, SweepResults

MOST_LINES = 20
"""Largest number of points listed at the end, done and failed each; ``sweep.csv`` has all."""

_STATES = {"done": "[green]done[/]  ", "failed": "[red]failed[/]", "waiting": "waiting"}


def show_point(console: Console, results: SweepResults, point: Point) -> None:
    """Print the result of a point, with its rank among those done so far.

    Parameters
    ----------
    console : Console
    results : SweepResults
    point : Point
    """
    result = results.result(point)
    finished = results.count("done") + results.count("failed")
    line = f"  {f'{finished} of {len(results.results)}':<20}{_STATES[result.state]}"
    if result.state == "done":
        spent = "cache hit" if result.seconds is None else f"{result.seconds:.1f} s"
        line += f"{spent:>11}  {_scores(result)}  rank {results.rank(point)}"
    console.print(f"{line}  {escape(_told(result))}", highlight=False, soft_wrap=True)


def show_sweep(console: Console, results: SweepResults, page: Path, seconds: float) -> None:
    """Print the ranking and the path of the page.

    Parameters
    ----------
    console : Console
    results : SweepResults
    page : Path
    seconds : float
        Wall time of the sweep [s].
    """
    console.print("[bold]sweep[/]")
    done = [result for result in results.ranked if result.state == "done"]
    for rank, result in enumerate(done[:MOST_LINES], 1):
        comparison = results.comparison(result.point)
        chance = f"{p_text(comparison.p_value):<9}" if comparison else "[green]best[/]     "
        line = f"  {rank:<4}{_scores(result)}  {chance}  {escape(result.point.label)}"
        console.print(line, highlight=False, soft_wrap=True)
    failed = [result for result in results.ranked if result.state == "failed"]
    for result in failed[:MOST_LINES]:
        console.print(f"  {_STATES['failed']}  {escape(_told(result))}", highlight=False, soft_wrap=True)
    left_out = sum(max(0, len(listed) - MOST_LINES) for listed in (done, failed))
    counts = {state: results.count(state) for state in ("done", "failed", "waiting")}
    rows = {
        "points": ", ".join(f"{count} {state}" for state, count in counts.items() if count),
        "not shown": f"{left_out} more are in sweep.csv" if left_out else "",
        "page": escape(str(page)),
        "time": f"{seconds / 60:.1f} min",
    }
    for name, value in rows.items():
        if value:  # lines instead of a table, so that a path can be copied whole
            console.print(f"  {name:<20}{value}", highlight=False, soft_wrap=True)


def _scores(result: PointResult) -> str:
    found = result.cross_validation or {}
    spread = found["accuracy_std"]
    auc = found["auc_mean"]
    accuracy = f"{found['accuracy_mean']:.4f}" + ("" if spread is None else f" +- {spread:.4f}")
    return f"{accuracy}  AUC {'-     ' if auc is None else f'{auc:.4f}'}"


def _told(result: PointResult) -> str:
    return f"{result.point.label}: {result.reason}" if result.reason else result.point.label
