"""Building of the report: numbers, figures and page from the evidence files, without TFX or TensorFlow."""

import json
from pathlib import Path
from typing import Any

from evaluation.suspects import SUSPECTS_FILE, Suspect, suspect_labels, write_suspects
from preprocessing.whole_files import replacing, write_whole
from report.card.write import card_body, write_card
from report.errors import ReportError
from report.evidence.reading import Evidence, read_evidence
from report.run.choice import choose
from report.run.figures.every import FIGURES, draw_figures
from report.run.figures.plot import Plot
from report.run.images import ReportImages
from report.run.page import render_page
from report.topics.numbers import run_numbers
from report.topics.suspects import suspect_numbers

PAGE = "index.html"
METRICS = "metrics.json"


def build(folder: Path) -> dict[str, Any]:
    """Write the report of a run.

    Parameters
    ----------
    folder : Path
        Folder with the evidence files, see `report.evidence.reading`. The report is written into it:
        ``metrics.json``, ``suspect_labels.csv``, ``model_card.md``, ``model_card.html``, ``index.html`` and a
        PNG of each figure. Each file is written atomically; files of an earlier build that this one does not
        make are removed. The same evidence gives the same files.

    Returns
    -------
    dict
        The content of ``metrics.json``.

    Raises
    ------
    ReportError
        If ``predictions.csv`` or ``run.json`` is absent or damaged, or a file cannot be written.
    """
    evidence = read_evidence(folder)
    suspects = _suspects(evidence)
    issues = [suspect for suspect in suspects if suspect.is_issue]
    numbers = run_numbers(evidence)
    if evidence.out_of_fold is None:
        numbers["suspect_labels"] = None
    else:
        numbers["suspect_labels"] = suspect_numbers(suspects, numbers["out_of_fold"])
    plots = draw_figures(evidence, numbers)
    choice = choose(evidence.predictions, evidence.out_of_fold)
    images = ReportImages(evidence, choice, issues)
    card = card_body(write_card(evidence, folder, numbers))
    page = render_page(evidence, numbers, plots, images, card=card)
    try:
        _write_suspects(folder / SUSPECTS_FILE, suspects, evidence)
        _write_pngs(folder, plots)
        write_whole(folder / METRICS, json.dumps(numbers, indent=2, allow_nan=False) + "\n")
        write_whole(folder / PAGE, page)
    except OSError as error:
        raise ReportError(f"{error.filename or folder} cannot be written: {error.strerror}") from error
    return numbers


def _suspects(evidence: Evidence) -> list[Suspect]:
    scores = evidence.out_of_fold
    if scores is None:
        return []
    return suspect_labels(scores.names, scores.labels, scores.folds, scores.p_elliptical)


def _write_suspects(path: Path, suspects: list[Suspect], evidence: Evidence) -> None:
    if evidence.out_of_fold is None:
        path.unlink(missing_ok=True)  # of an earlier run of the same name
        return
    with replacing(path) as part:
        write_suspects(part, suspects)


def _write_pngs(folder: Path, plots: dict[str, Plot]) -> None:
    for name in dict.fromkeys((*FIGURES, *plots)):
        path = folder / f"{name}.png"
        if name in plots and plots[name].png:
            write_whole(path, plots[name].png)
        elif path.is_file():
            path.unlink()  # of an earlier build
