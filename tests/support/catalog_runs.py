"""Runs of the classification of a survey, without the command."""

from pathlib import Path
from typing import Any, NamedTuple

from served import IMAGE

from catalog.classifier import ModelSpec, published_model
from catalog.objects import Input
from catalog.output.about import about_model
from catalog.place import Settings
from catalog.plan import Plan
from catalog.session import run_classification
from catalog.stamps import stamps_input
from serving.predict.description import Description


class Run(NamedTuple):
    """What a run needs."""

    settings: Settings
    source: Input
    model: ModelSpec
    subject: dict[str, str]


def prepare(model: Path, survey: Any, out: Path, *, workers: int = 1, place: str = "") -> Run:
    """A run over the table of a survey, in chunks of four rows and batches of two."""
    found = published_model(model)
    known = about_model(found)
    description = Description.of(found.description, "galmorph.json")
    table = None if place else survey.table
    source = stamps_input(place or survey.template, table, description, workers=workers)
    return Run(
        Settings(out, batch=2, chunk_rows=4),
        source,
        ModelSpec(str(found.path), known.row_version),
        {"model": known.fingerprint},
    )


def unbroken(run: Run) -> Plan:
    """Classify, and return the plan."""
    return run_classification(run.settings, run.source, run.model, IMAGE.cut, run.subject).plan
