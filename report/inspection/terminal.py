"""Terminal output of an inspection."""

from collections import Counter
from pathlib import Path

from rich.console import Console

from preprocessing.features import SPLITS
from report.inspection.records import Look
from report.terminal import say, say_sentence

_KINDS = {"stop": "[red]error[/]", "warning": "[yellow]warning[/]", "note": "[dim]note[/]"}


def show_look(console: Console, look: Look, page: Path, seconds: float) -> None:
    """Print a summary of an inspection.

    Parameters
    ----------
    console : Console
    look : Look
    page : Path
    seconds : float
        Wall time [s].
    """
    kept, rejects = look.division.splits_and_classes, look.division.rejects
    splits = Counter(split for split, _ in kept)
    rows = {
        "rows": f"{look.division.rows:,} ({look.table.label_format})",
        "usable": f"{len(kept):,}{_listed(Counter(name for _, name in kept))}",
        "rejects": f"{len(rejects):,}{_listed(Counter(reject.reason for reject in rejects))}",
        "splits": ", ".join(f"{splits[split]:,} {split}" for split in SPLITS if splits[split]),
        "warnings": _listed(Counter(note.code for note in look.survey.notes)).removeprefix(": "),
        "a run": "would not start" if look.obstacle else "could start",
        "page": str(page),
        "time": f"{seconds:.1f} s",
    }
    console.print("[bold]inspection[/]")
    for finding in look.findings:
        remedy = f" {finding.remedy}" if finding.remedy else ""
        say_sentence(console, finding.text + remedy, f"{_KINDS[finding.kind]}: ")
    for name, value in rows.items():
        if value:
            style = {"could start": "green", "would not start": "red"}.get(value, "")
            say(console, name, value, is_path=name == "page", style=style)


def _listed(counts: Counter[str]) -> str:
    listed = ", ".join(f"{count:,} {name}" for name, count in counts.most_common())
    return f": {listed}" if listed else ""
