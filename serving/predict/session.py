"""One prediction from its settings to its files."""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from preprocessing.locations import Location
from serving.predict.asking import Asker, Patience
from serving.predict.classifier import Classifier
from serving.predict.errors import PredictError
from serving.predict.files import names_in
from serving.predict.journal import Journal, journal_subject
from serving.predict.objects import Objects, objects_of_names, read_objects
from serving.predict.result import Places, Summary, count, write_result
from serving.predict.run import classify_objects
from serving.predict.tables import table_format
from serving.predict.target import Target

Progress = Callable[[int, int], None]
"""Called with the number of objects that are done, and of all."""


@dataclass(frozen=True)
class Settings:
    """What to write, and how to go about it.

    Attributes
    ----------
    out : Path
        The table.
    table : Path, Remote or None
        Table of the objects; by default the files name them.
    overwrite : bool
    batch : int
        Objects that are read at once.
    workers : int or None
        Processes that read, as in `serving.predict.reading.read_batches`.
    concurrency : int
        Number of requests at the same time.
    patience : Patience
    """

    out: Path
    table: Location | None = None
    overwrite: bool = False
    batch: int = 64
    workers: int | None = None
    concurrency: int = 1
    patience: Patience = field(default_factory=Patience)


def earlier_subject(settings: Settings) -> dict[str, str]:
    """Return what an interrupted prediction of the same table was of; empty if there is none.

    Raises
    ------
    PredictError
        If the table is there already, or its format is unknown.
    """
    places = Places(settings.out)
    table_format(settings.out)
    if settings.overwrite:
        return {}
    places.check_free()
    return dict(journal_subject(places.journal) or {})


def run_prediction(
    settings: Settings,
    target: Target,
    make_classifier: Callable[[], Classifier],
    *,
    progress: Progress = lambda done, total: None,
    notify: Callable[[str], None] = lambda notice: None,
) -> tuple[Summary, Places]:
    """Classify all objects, or go on with those that an interrupted prediction has left.

    Parameters
    ----------
    settings : Settings
        Checked by `earlier_subject`.
    target : Target
    make_classifier : callable
        Called when the input has been checked, because loading a model takes seconds.
    progress : callable
    notify : callable
        Called with each notice about the table of objects.

    Returns
    -------
    summary : Summary
    places : Places
        The files that were written.

    Raises
    ------
    PredictError
        If the input cannot be used, the classifier fails, or no object could be classified.
    """
    started = time.monotonic()
    places = Places(settings.out)
    objects = _objects(settings, target)
    for notice in objects.notices:
        notify(notice)
    subject = {
        **target.subject,
        "template of the stamps": target.template,
        "list of objects": _list_of(objects),
    }
    if settings.overwrite:
        _clear(places)
    journal = Journal(places.journal, subject)
    try:
        if journal.done < len(objects):
            _classify(settings, target, make_classifier(), objects, journal, progress)
        summary = count(journal, target.model, time.monotonic() - started)
        write_result(places, objects, journal, summary, _notes(summary, (*target.notices, *objects.notices)))
    finally:
        journal.close()
        if journal.done == 0:
            journal.remove()
    if not summary.classified:
        reasons = ", ".join(f"{number:,} {reason}" for reason, number in summary.reasons.items())
        raise PredictError(
            f"none of {summary.rows:,} objects could be classified ({reasons}); {places.rejects} says why"
        )
    return summary, places


def _objects(settings: Settings, target: Target) -> Objects:
    if settings.table is not None:
        return read_objects(settings.table)
    names = names_in(target.template, target.bands)
    if not names:
        raise PredictError(f"no file is named like {target.template} in a band of {', '.join(target.bands)}")
    return objects_of_names(names)


def _classify(
    settings: Settings,
    target: Target,
    classifier: Classifier,
    objects: Objects,
    journal: Journal,
    progress: Progress,
) -> None:
    stop = threading.Event()
    try:
        classify_objects(
            objects,
            target.read,
            Asker(classifier, settings.patience, stop),
            journal,
            batch=settings.batch,
            workers=settings.workers,
            concurrency=settings.concurrency,
            stop=stop,
            progress=lambda done: progress(done, len(objects)),
        )
    finally:
        classifier.close()


def _list_of(objects: Objects) -> str:
    return f"{len(objects):,} sha256:{objects.digest}"


def _clear(places: Places) -> None:
    try:
        places.clear()
    except OSError as error:
        raise PredictError(f"{error.filename} cannot be removed: {error.strerror or error}") from error


def _notes(summary: Summary, notices: Iterable[str]) -> list[str]:
    where = summary.model.get("path") or f"{summary.model['name']} at {summary.model['url']}"
    return [f"classified by galmorph predict with {where}", *notices]
