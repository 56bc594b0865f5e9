"""The output of a run on the terminal: a line per node, a progress bar, a table of results."""

import json
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from pipeline.events import NodeEvent, ProgressEvent
from preprocessing.progress import WARNINGS_FILE
from report.html.formats import count_of
from report.terminal import say, say_sentence
from report.topics.serving import measured

_STATES = {
    "done": ("[green]done[/]  ", ""),
    "cached": ("[cyan]cached[/]", "unchanged since an earlier run"),
    "skipped": ("[yellow]skipped[/] (model refused)", ""),
    "failed": ("[red]failed[/]", ""),
}


class RunDisplay:
    """Shows the events of a run.

    On a terminal the running node has a progress bar. Elsewhere (a pipe, a file) only finished nodes and
    epochs are printed, one line each.

    Parameters
    ----------
    console : Console
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("  {task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[detail]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task: TaskID | None = None
        self._counts: dict[str, int] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        loading = "loading TFX and TensorFlow"
        if not self._console.is_terminal:
            self._console.print(f"  {loading}, which takes half a minute", highlight=False)
        self._begin(loading)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def show(self, event: NodeEvent | ProgressEvent) -> None:
        """Show one event."""
        if isinstance(event, ProgressEvent):
            self._advance(event.figures)
        elif event.state == "running":
            self._begin(event.node)
        else:
            self._begin(None)
            state, note = _STATES[event.state]
            line = f"  {escape(event.node):<24}{state}{event.seconds:>8.1f} s  [dim]{note}[/]"
            self._console.print(line, highlight=False, soft_wrap=True)
            show_warnings(self._console, _warnings(event))

    def _begin(self, description: str | None) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._task = None
        self._counts.clear()
        if description is not None:
            self._task = self._progress.add_task(description, total=None, detail="")

    def _advance(self, figures: dict[str, Any]) -> None:
        phase = figures["phase"]
        if phase == "epoch":
            say_sentence(self._console, f"  {_epoch_line(figures)}")
        if self._task is None:
            return
        if phase in ("training", "epoch"):
            done = figures["epoch"] - 1 + figures.get("share", 1.0)
            detail = f"epoch {figures['epoch']} of {figures['epochs']}"
            self._progress.update(self._task, completed=done, total=figures["epochs"], detail=detail)
        elif "total" in figures:
            done = self._counts[phase] = self._counts.get(phase, 0) + figures["done"]
            detail = f"{phase}: {done} of {figures['total']}"
            self._progress.update(self._task, completed=done, total=figures["total"], detail=detail)
        else:
            detail = f"{phase}: {figures['count']}" if "count" in figures else phase
            self._progress.update(self._task, detail=detail)


def show_warnings(console: Console, warnings: Iterable[str]) -> None:
    """Print warnings, one line each."""
    for warning in warnings:
        say_sentence(console, warning, "[yellow]warning[/]: ")


def _warnings(event: NodeEvent) -> list[str]:
    """Return the warnings that a node wrote when it last ran, in this run or an earlier one."""
    try:
        return Path(event.outputs["warnings"], WARNINGS_FILE).read_text(encoding="utf-8").splitlines()
    except (KeyError, OSError):
        return []


def _epoch_line(figures: dict[str, Any]) -> str:
    names = {
        "loss": "loss",
        "accuracy": "accuracy",
        "val_loss": "validation: loss",
        "val_accuracy": "accuracy",
        "val_auc": "AUC",
    }
    parts = [f"{label} {figures[name]:.4f}" for name, label in names.items() if name in figures]
    return f"epoch {figures['epoch']:>3}/{figures['epochs']}  " + "  ".join(parts)


def show_results(
    console: Console, metrics: dict[str, Any], report: Path, log: Path, seconds: float, peak_memory: int
) -> None:
    """Print the results of a run and the paths of its files.

    Parameters
    ----------
    console : Console
    metrics : dict
        The content of ``metrics.json``.
    report, log : Path
    seconds : float
        Wall time of the run [s].
    peak_memory : int
        Peak memory of the largest process [bytes].
    """
    test, holdout, uncertain = metrics["test"], metrics["holdout"], metrics["uncertain"]
    blessed, folds = metrics["gate"]["blessed"], metrics["cross_validation"]
    served = blessed and metrics["serving"]
    rows = {
        "ingest": _ingest_line(json.loads((report / "ingest.json").read_text())),
        "test split": count_of(test["n"], "galaxy", "galaxies"),
        "accuracy": _measure(test, "accuracy"),
        "AUC": _measure(test, "auc"),
        "loss": _measure(test, "loss"),
        "cross-validation": folds and _folds_line(folds),
        "holdout split": holdout and f"accuracy {holdout['accuracy']:.4f} on {_of_the_larger(holdout['n'])}",
        "uncertain": uncertain and _uncertain_line(uncertain),
        "gate": "passed" if blessed else "not good enough",
        "serving": served and (measured(served) or "passed" if served["blessed"] else "cannot be served"),
        "model": blessed
        and metrics["pushed_version"]
        and f"version {metrics['pushed_version']}, {metrics['pushed_to']}",
        "report": str(report / "index.html"),
        "log": str(log),
        "time, peak memory": f"{seconds / 60:.1f} min, {peak_memory / 2**30:.1f} GiB",
    }
    console.print("[bold]results[/]")
    styles = {"gate": "green" if blessed else "red"}
    if served and not served["blessed"]:
        styles["serving"] = "red"
    for name, value in rows.items():
        if value:
            is_path = name in ("model", "report", "log")
            say(console, name, value, is_path=is_path, style=styles.get(name, ""))


def _of_the_larger(n: int) -> str:
    return f"{count_of(n, 'galaxy', 'galaxies')} of the larger class, left out to balance the classes"


def _uncertain_line(uncertain: dict[str, Any]) -> str:
    """Return how many of the galaxies labelled uncertain the model classifies as uncertain."""
    share, n = uncertain["fraction_uncertain"], uncertain["n"]
    labelled = f"{count_of(n, 'galaxy', 'galaxies')} labelled uncertain"
    return f"of {labelled}, the model calls {share * n:.0f} uncertain ({share:.1%})"


def _measure(test: dict[str, Any], name: str) -> str:
    """Return a metric of the test split with its confidence interval, or a dash."""
    if test[name] is None:
        return "-"
    interval = test.get("intervals", {}).get(name)
    text = f"{test[name]:.4f}"
    return text if interval is None else f"{text}  ({interval[0]:.4f} to {interval[1]:.4f}, 95 %)"


def _folds_line(summary: dict[str, Any]) -> str:
    """Return the results of the cross-validation as one line."""
    parts = []
    for name, label in (("accuracy", "accuracy"), ("auc", "AUC"), ("loss", "loss")):
        mean, spread = summary[f"{name}_mean"], summary[f"{name}_std"]
        if mean is not None:
            parts.append(f"{label} {mean:.4f}" + (f" +- {spread:.4f}" if spread is not None else ""))
    trained = "head only" if summary["phases"] == "head" else "whole network"
    return f"{', '.join(parts)} ({len(summary['folds'])} folds, {trained})"


def _ingest_line(ingest: dict[str, Any]) -> str:
    """Return the counts of rows, Examples and rejects as one line."""
    kinds = {"row": ingest["rows"], "example": ingest["examples"], "reject": ingest["rejects"]}
    rows, *rest = (count_of(count, kind) for kind, count in kinds.items())
    parts = [f"{rows}: {', '.join(rest)}"]
    for kind in ("reasons", "warnings"):
        counts = sorted(ingest[kind].items(), key=lambda count: -count[1])
        if counts:
            listed = ", ".join(f"{number:,} {code}" for code, number in counts)
            parts.append(f" ({listed})" if kind == "reasons" else f"; warnings: {listed}")
    if corrected := ingest.get("corrections"):
        parts.append(f"; labels corrected: {', '.join(f'{n:,} {change}' for change, n in corrected.items())}")
    return "".join(parts)
