"""Classify a survey on the terminal: input, classification, catalogue, and what is shown of them."""

import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console

from catalog import prepare
from catalog.classifier import ModelSpec, published_model
from catalog.finish import finish
from catalog.objects import Input, check_positions
from catalog.output.about import About, Model, about_model
from catalog.output.counts import Summary
from catalog.output.twins import loadable, make_twin
from catalog.pictures import pictures_of
from catalog.place import Settings
from catalog.plan import Plan
from catalog.samp import send_table
from catalog.session import check_unfinished, default_batch, merged, run_classification
from catalog.shipped import ship
from catalog.wanted import Wanted, input_of
from pipeline.plain_path import plain_path
from pipeline.progress_bar import progress_bar
from report.catalogue.page import Picture, render_page
from report.catalogue.statistics import CatalogueStatistics
from report.terminal import say, say_counts
from serving.published import PublishedModel


@dataclass(frozen=True)
class Request:
    """What the options of the command ask for.

    Attributes
    ----------
    model : Path
        Folder of a version, or of the versions.
    wanted : Wanted
    settings : Settings
        Checked by `catalog.place.check_out`.
    kind : str
        Format of the table.
    columns : tuple of str
        Optional columns.
    backend, precision : str
        Of the network; an empty precision is that of the processor.
    workers : int or None
        Processes that read stamps.
    merge : bool
        Whether to write the catalogue from finished parts.
    title : str
        Of the catalogue; that of its folder if empty.
    authors : tuple of str
        Whom to cite.
    """

    model: Path
    wanted: Wanted
    settings: Settings
    kind: str
    columns: tuple[str, ...]
    backend: str
    precision: str | None
    workers: int | None
    merge: bool
    title: str = ""
    authors: tuple[str, ...] = ()


def classify_survey(console: Console, request: Request) -> bool:
    """Classify, write the catalogue and show its counts.

    Parameters
    ----------
    console : Console
    request : Request

    Returns
    -------
    bool
        Whether the catalogue was written; False after a part of several.

    Raises
    ------
    CatalogError
        If the input, the model or the folder cannot be used, or the run fails.
    StorageError
        If an object store cannot be read.
    """
    settings, columns, kind = request.settings, request.columns, request.kind
    started = datetime.now(UTC)
    begun = time.monotonic()
    backend, precision = prepare.chosen(request.backend, request.precision, settings.work)
    found = published_model(request.model)
    with console.status("reading the input"):
        source = input_of(found, request.wanted, request.workers)
        known = about_model(found)
    for notice in source.notices:
        _say(console, "note", notice)
    if kind == "hats":
        check_positions(source)
    subject = {
        "model": known.fingerprint,
        "list of optional columns": ",".join(columns),
        **prepare.subject(backend, precision),
    }
    if request.merge:
        plan = merged(settings, source, subject)
        done = 0
    else:
        with plain_path(found.path) as path:
            spec = ModelSpec(str(path), known.row_version, backend, columns, precision)
            check_unfinished(settings, source, subject)
            spec = _prepared(console, spec, source, request, known.fingerprint, found.image.cut)
            precision = spec.precision
            subject |= prepare.subject(backend, precision)
            with _bar(console) as progress:
                state = run_classification(settings, source, spec, found.image.cut, subject, progress)
        plan, done = state.plan, state.classified_now
        if settings.part:
            number, of = settings.part
            rest = (
                "all parts are done: --merge writes the catalogue"
                if state.is_complete
                else "others are not done"
            )
            _say(console, "part", f"{number} of {of}: {done:,} objects in {state.seconds:.1f} s; {rest}")
            return False
    used = {"name": backend, "precision": precision, **prepare.recorded(settings.work)}
    about = _about(known, source, request, used, started, time.monotonic() - begun)
    page = _Page(settings, source, plan, found, about)
    with console.status("writing the catalogue"):
        note = partial(_say, console, "note")
        summary = finish(settings, kind, plan, about, watch=page.statistics.add, page=page.render, note=note)
    _show(console, summary, settings, done, time.monotonic() - begun)
    return True


def _prepared(
    console: Console, spec: ModelSpec, source: Input, request: Request, fingerprint: str, cut: int
) -> ModelSpec:
    """Return the model with its network ready for the backend; say what was chosen, and how it agrees."""
    settings = request.settings
    batch = settings.batch or default_batch(cut)
    with console.status("preparing the model") as status:
        if settings.work.is_remote and not settings.engine.is_local:
            status.update(f"copying the model to {settings.work.place}")
            spec = ship(spec, settings.work, fingerprint)
        backend = prepare.prepare(
            spec,
            source,
            settings.work,
            fingerprint,
            batch,
            status.update,
            fall_back=request.precision is None,
        )
    if backend.notice:
        _say(console, "note", backend.notice)
    if backend.agreement is not None:
        _say(console, "backend", backend.about)
        _say(console, "agreement", f"{backend.agreement}")
        _say(console, "speed", f"{backend.speed:.2f} times that of TensorFlow, on these objects")
    return backend.spec


class _Page:
    """The page of a catalogue, for which the rows are counted as they are written."""

    def __init__(
        self, settings: Settings, source: Input, plan: Plan, model: PublishedModel, about: About
    ) -> None:
        self._settings, self._source, self._plan, self._model = settings, source, plan, model
        self._about = about
        self.statistics = CatalogueStatistics()

    def render(self, summary: Summary) -> str:
        """Return the page, with pictures of the objects that were chosen."""
        chosen, image = self.statistics.chosen, self._model.image
        rows = [one.row for one in chosen]
        pngs = pictures_of(self._settings.work, self._plan, self._source.reader, rows, image)
        pictures = [
            Picture(
                one.name,
                one.morphology,
                one.p_elliptical,
                pngs.get(one.row, b""),
                image.size,
                "" if one.row in pngs else "the object can no longer be read",
            )
            for one in chosen
        ]
        facts = {name: str(value) for name, value in self._source.about.items() if value is not None}
        facts["command"] = shlex.join(self._about.command)
        title = self._about.title or self._settings.out.name
        return render_page(title, asdict(summary), self.statistics, self._model.uncertain, pictures, facts)


def _about(
    known: Model,
    source: Input,
    request: Request,
    backend: Mapping[str, Any],
    started: datetime,
    seconds: float,
) -> About:
    return About(
        model=known,
        input={**source.about, "digest": source.digest},
        settings={
            "format": request.kind,
            "columns": list(request.columns),
            "backend": backend,
            "runner": request.settings.engine.runner,
            "chunk_rows": request.settings.chunk_rows,
        },
        command=["galmorph", *sys.argv[1:]],
        started=started,
        seconds=seconds,
        galmorph=version("galmorph"),
        title=request.title,
        authors=request.authors,
    )


@contextmanager
def _bar(console: Console) -> Iterator[Callable[[int, int], None]]:
    with progress_bar(console, "rate") as bar:
        task = bar.add_task("objects", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _show(console: Console, summary: Summary, settings: Settings, done: int, seconds: float) -> None:
    say_counts(console, "catalogue", summary)
    _say(console, "model", f"version {', '.join(summary.model['versions'])}, {summary.model['path']}")
    _say(console, "table", str(settings.out / summary.table))
    if summary.rejects:
        _say(console, "rejects", str(settings.out / "rejects.csv"))
    rate = f", {done / seconds:,.1f} objects/s" if done else ""
    say(console, "time", f"{seconds:.1f} s{rate}")


def send_table_to_programs(console: Console, out: Path, kind: str) -> None:
    """Send the table of a finished catalogue to TOPCAT and others by SAMP.

    Parameters
    ----------
    console : Console
    out : Path
        Folder of the catalogue.
    kind : str
        Format of its table.

    Raises
    ------
    CatalogError
        If no hub runs, or no program loads tables.
    """
    for sent in send_table(loadable(out, kind), lambda message: make_twin(out, kind, message), out.name):
        result = f"cannot load it: {sent.problem}" if sent.problem else f"has loaded {sent.path}"
        _say(console, "SAMP", f"{sent.client} {result}")


def _say(console: Console, what: str, value: str) -> None:
    say(console, what, value, is_path=True)
