"""The model card (Mitchell et al. 2019, arXiv:1810.03993), as Markdown and as HTML."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from evaluation.scores import DECISION
from evaluation.suspects import suspect_labels
from preprocessing.features import CLASS_NAMES
from preprocessing.whole_files import write_whole
from report.card.facts import data_rows, fingerprint_of, lineage_rows, range_rows, reject_rows, split_rows
from report.card.failure_modes import failure_modes
from report.card.markdown import html_of, markdown_environment
from report.card.metrics import fold_rows, metric_notes, metric_rows
from report.card.settings import bands_of, configuration, network_rows, picture_rows
from report.errors import ReportError
from report.evidence.configuration import table_of
from report.evidence.reading import Evidence
from report.html.environment import page_environment
from report.topics.numbers import run_numbers
from report.topics.suspects import suspect_numbers

MARKDOWN, HTML = "model_card.md", "model_card.html"

REFERENCES = (
    "Lupton, R. et al. 2004, PASP 116, 133: the colour picture.",
    "Tan, M. & Le, Q. V. 2019, Proceedings of Machine Learning Research 97, 6105 (arXiv:1905.11946):"
    " EfficientNet.",
    "Guo, C., Pleiss, G., Sun, Y. & Weinberger, K. Q. 2017, Proceedings of Machine Learning Research 70, 1321"
    " (arXiv:1706.04599): temperature scaling and calibration error.",
    "Northcutt, C. G., Jiang, L. & Chuang, I. L. 2021, Journal of Artificial Intelligence Research 70, 1373"
    " (arXiv:1911.00068): suspect labels.",
    "Mitchell, M. et al. 2019, Conference on Fairness, Accountability, and Transparency, 220"
    " (arXiv:1810.03993): the form of this card.",
)


def write_card(evidence: Evidence, folder: Path, numbers: Mapping[str, Any] | None = None) -> Path:
    """Write the model card.

    Parameters
    ----------
    evidence : Evidence
    folder : Path
        Folder to which ``model_card.md`` and ``model_card.html`` are written.
    numbers : mapping, optional
        Result of `report.topics.numbers.run_numbers` for `evidence`; computed unless given.

    Returns
    -------
    Path
        ``model_card.md``.

    Raises
    ------
    ReportError
        If a file cannot be written.
    """
    markdown = card_markdown(evidence, numbers)
    body, contents = html_of(markdown)
    template = page_environment("report.card").get_template("model_card.html.j2")
    title, line, rest = body.partition("</h1>\n")
    page = template.render(name=evidence.run["name"], title=title + line, body=rest, contents=contents)
    try:
        write_whole(folder / MARKDOWN, markdown)
        write_whole(folder / HTML, page)
    except OSError as error:
        raise ReportError(f"{error.filename or folder} cannot be written: {error.strerror}") from error
    return folder / MARKDOWN


def card_body(written: Path) -> Markup:
    """Return a card as a section of a page: without its title, headings from the third level.

    Parameters
    ----------
    written : Path
        Result of `write_card`.

    Returns
    -------
    Markup
    """
    # The page has a heading of its own.
    _, _, rest = written.read_text(encoding="utf-8").partition("\n")
    return html_of(rest, shift=1, prefix="card-")[0]


def card_markdown(evidence: Evidence, numbers: Mapping[str, Any] | None = None) -> str:
    """Return the card as Markdown; see `write_card`."""
    numbers = dict(run_numbers(evidence) if numbers is None else numbers)
    if "suspect_labels" not in numbers:
        numbers["suspect_labels"] = _suspects(evidence, numbers["out_of_fold"])
    run, settings, results, ingest = evidence.run, evidence.settings, evidence.results, evidence.ingest
    weights = table_of(settings, "model").get("weights", "none")
    template = markdown_environment("report.card").get_template("model_card.md.j2")
    text = template.render(
        name=run["name"],
        blessed=results["gate"]["blessed"],
        version=results.get("pushed_version"),
        bands=bands_of(settings),
        cut=table_of(settings, "image").get("cut"),
        uncertain=[f"{end:g}" for end in evidence.uncertain],
        threshold=f"{DECISION:g}",
        network=network_rows(evidence),
        picture=picture_rows(settings),
        ranges=range_rows(evidence),
        data=data_rows(evidence),
        fingerprint=fingerprint_of(evidence),
        split_titles=["split", *CLASS_NAMES.values()],
        splits=split_rows(numbers["splits"]),
        rejects=reject_rows(ingest),
        rejected=ingest.get("rejects"),
        metrics=metric_rows(numbers),
        intervals=numbers["intervals"],
        folds=fold_rows(numbers["cross_validation"]),
        notes=metric_notes(numbers, settings),
        failures=failure_modes(evidence, numbers),
        pretrained=weights != "none",
        references=REFERENCES,
        versions=sorted(table_of(run, "versions").items()),
        lineage=lineage_rows(evidence.lineage),
        problems=evidence.problems,
        configuration=configuration(settings),
    )
    return re.sub(r"\n{3,}", "\n\n", text)


def _suspects(evidence: Evidence, pooled: Mapping[str, Any] | None) -> dict[str, Any] | None:
    scores = evidence.out_of_fold
    if scores is None:
        return None
    suspects = suspect_labels(scores.names, scores.labels, scores.folds, scores.p_elliptical)
    return suspect_numbers(suspects, pooled)
