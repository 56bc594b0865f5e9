"""`galmorph classify`: classify a survey with a published model."""

import math
import shlex
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from pipeline.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from catalog.classifier import ModelSpec
    from catalog.objects import Input
    from catalog.output.about import About, Model
    from catalog.output.counts import Summary
    from catalog.plan import Plan
    from catalog.session import Settings
    from serving.predict.description import Description
    from serving.published import PublishedModel

_INTERRUPTED = 130  # what a shell returns after Ctrl-C
_FIELDS, _RUN, _ENGINE = "Options for field images", "Options for long runs", "Options for engines"


class Format(StrEnum):
    """Formats of the table."""

    PARQUET = "parquet"
    HATS = "hats"
    FITS = "fits"
    VOTABLE = "votable"
    CSV = "csv"
    ECSV = "ecsv"


class BackendName(StrEnum):
    """What computes the network."""

    TENSORFLOW = "tensorflow"
    OPENVINO = "openvino"


class Precision(StrEnum):
    """Precision of OpenVINO."""

    BFLOAT16 = "bfloat16"
    FLOAT32 = "float32"


@dataclass(frozen=True)
class _Wanted:
    """What is classified, as the user gives it."""

    stamps: str | None
    table: str | None
    cube_bands: str | None
    fields: str | None
    sources: str | None
    stamp_size: int | None


def classify(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL",
            help="Folder of a published version, or the \\[push] directory, whose newest version counts.",
        ),
    ],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of the catalogue to write.", show_default=False)
    ],
    stamps: Annotated[
        str | None,
        typer.Option(
            metavar="TEMPLATE|FOLDER|TABLE",
            help="Path or URI (s3://, gs://) of the stamps with {name} and {band}, in quotation marks; a "
            "folder of files such as {name}_{band}.fits; or a table with the column name and a column of "
            "paths for each band, such as path_R.",
            show_default=False,
        ),
    ] = None,
    table: Annotated[
        str | None,
        typer.Option(
            metavar="TABLE",
            help="Table of the objects, with the column name, and possibly ra, dec and magnitude. By default "
            "all objects that have stamps.",
            show_default=False,
        ),
    ] = None,
    cube_bands: Annotated[
        str | None,
        typer.Option(
            metavar="BANDS",
            help="Bands of the planes, first plane first (G,R,I), if one file holds all bands of an object.",
            show_default=False,
        ),
    ] = None,
    fields: Annotated[
        str | None,
        typer.Option(
            metavar="TABLE",
            rich_help_panel=_FIELDS,
            help="Table of field images, with the columns field, band and path, and possibly zero_point and "
            "weight_path. Stamps are cut from them in memory.",
            show_default=False,
        ),
    ] = None,
    sources: Annotated[
        str | None,
        typer.Option(
            metavar="TABLE",
            rich_help_panel=_FIELDS,
            help="Table of the objects in them, with the column name and either ra and dec, or field, x "
            "and y.",
            show_default=False,
        ),
    ] = None,
    stamp_size: Annotated[
        int | None,
        typer.Option(
            min=1,
            rich_help_panel=_FIELDS,
            help="Side of the cutout from which the sky level is taken (pixels).",
            show_default="that of the training stamps",
        ),
    ] = None,
    format: Annotated[Format, typer.Option(help="Format of the table.")] = Format.PARQUET,
    columns: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help="Optional columns, with commas: entropy, p_elliptical_std, p_elliptical_models, embedding.",
        ),
    ] = "",
    samp: Annotated[
        bool, typer.Option("--samp", help="Send the finished table to a running TOPCAT or Aladin.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", rich_help_panel=_RUN, help="Continue an unfinished catalogue.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", rich_help_panel=_RUN, help="Begin anew, and replace a catalogue.")
    ] = False,
    part: Annotated[
        str | None,
        typer.Option(
            metavar="I/N",
            rich_help_panel=_RUN,
            help="Classify the Ith of N parts only, for batch queues; all with the same DIR.",
            show_default=False,
        ),
    ] = None,
    merge: Annotated[
        bool,
        typer.Option(
            "--merge",
            rich_help_panel=_RUN,
            help="Write the catalogue from the parts, if none is missing; otherwise the same command as "
            "theirs.",
        ),
    ] = False,
    batch: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=4096,
            rich_help_panel=_ENGINE,
            help="Objects that are classified at once.",
            show_default="16 MiB of pixels, 64 at most",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=64,
            rich_help_panel=_ENGINE,
            help="Processes that read stamps.",
            show_default="one for each core, up to 4",
        ),
    ] = None,
    backend: Annotated[
        BackendName,
        typer.Option(
            rich_help_panel=_ENGINE,
            help="What computes the network. openvino is faster on most processors; it is compared with "
            "tensorflow on the first objects before use.",
        ),
    ] = BackendName.TENSORFLOW,
    precision: Annotated[
        Precision | None,
        typer.Option(
            rich_help_panel=_ENGINE,
            help="Precision of --backend openvino.",
            show_default="bfloat16 if the processor has it",
        ),
    ] = None,
    runner: Annotated[
        str,
        typer.Option(
            rich_help_panel=_ENGINE,
            help="Beam runner: DirectRunner is this process; FlinkRunner, SparkRunner, PortableRunner, "
            "DataflowRunner run on a cluster.",
        ),
    ] = "DirectRunner",
    beam: Annotated[
        list[str] | None,
        typer.Option(
            "--beam",
            metavar="OPTION",
            rich_help_panel=_ENGINE,
            help="Option for the Beam runner, such as job_endpoint=localhost:8099; may be repeated.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Classify a survey, from stamps or from field images, to a catalogue.

    Examples
    --------
    galmorph classify models --stamps 'survey/{name}_{band}.fits' --out catalogue
    galmorph classify models --fields fields.csv --sources sources.fits --out catalogue --format fits

    DIR gets the table, rejects.csv with every object that could not be
    classified and why, summary.json, a page index.html, and README.md with the
    columns. After an interruption, the same command with --resume goes on where
    it stopped.
    """
    from catalog.errors import CatalogError
    from preprocessing.storage_errors import StorageError

    if sum((resume, overwrite, merge)) > 1:
        raise InputError("--resume, --overwrite and --merge exclude each other")
    if part and (overwrite or merge):
        raise InputError("--part goes with neither --overwrite nor --merge")
    wanted = _Wanted(stamps, table, cube_bands, fields, sources, stamp_size)
    existing = "overwrite" if overwrite else "resume" if resume or merge else "refuse"
    console = Console()
    from catalog.alone import alone
    from catalog.engine import Engine
    from catalog.session import CompleteError, Settings, check_out

    try:
        options = tuple(f"--{option.removeprefix('--')}" for option in beam or ())
        settings = Settings(
            # A path such as new/../.. leads elsewhere once its folders have been made.
            out.resolve() if ".." in out.parts else out.absolute(),
            existing,  # type: ignore[arg-type]
            _part(part) if part else None,
            Engine(runner, options),
            batch,
        )
        names = _columns(columns)
        computed = backend.value, precision.value if precision else None
        with alone(settings.out, shared=bool(part)):
            check_out(settings)
            _classify(console, model, wanted, settings, format.value, names, computed, workers, merge, samp)
    except KeyboardInterrupt:
        print(
            "galmorph: interrupted; the same command with --resume goes on where it stopped", file=sys.stderr
        )
        raise typer.Exit(_INTERRUPTED) from None
    except CompleteError as error:
        if not resume:
            raise InputError(str(error)) from error
        _say(console, "note", f"{out} is complete already")
    except (CatalogError, StorageError) as error:
        raise InputError(str(error)) from error


def _classify(
    console: Console,
    model: Path,
    wanted: _Wanted,
    settings: "Settings",
    kind: str,
    columns: tuple[str, ...],
    computed: tuple[str, str | None],
    workers: int | None,
    merge: bool,
    samp: bool,
) -> None:
    from catalog import prepare
    from catalog.classifier import ModelSpec, published_model
    from catalog.finish import finish
    from catalog.output.about import about_model
    from catalog.session import check_unfinished, merged, run_classification
    from pipeline.plain_path import plain_path

    started = datetime.now(UTC)
    begun = time.monotonic()
    backend, precision = prepare.chosen(*computed, settings.work)
    found = published_model(model)
    with console.status("reading the input"):
        source = _input(found, wanted, workers)
        known = about_model(found)
    for notice in source.notices:
        _say(console, "note", notice)
    subject = {
        "model": known.fingerprint,
        "list of optional columns": ",".join(columns),
        **prepare.subject(backend, precision),
    }
    if merge:
        plan = merged(settings, source, subject)
        done = 0
    else:
        with plain_path(found.path) as path:
            spec = ModelSpec(str(path), known.row_version, backend, columns, precision)
            check_unfinished(settings, source, subject)
            spec = _prepared(console, spec, source, settings, known.fingerprint, found.image.cut)
            with _bar(console, "objects") as progress:
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
            return
    used = {"name": backend, "precision": precision, **prepare.recorded(settings.work)}
    about = _about(known, source, settings, kind, columns, used, started, time.monotonic() - begun)
    page = _Page(settings, source, plan, found, about)
    with console.status("writing the catalogue"):
        summary = finish(settings, kind, plan, about, watch=page.statistics.add, page=page.render)
    _show(console, summary, settings, done, time.monotonic() - begun)
    if samp:
        _send(console, settings, kind)


def _prepared(
    console: Console, spec: "ModelSpec", source: "Input", settings: "Settings", fingerprint: str, cut: int
) -> "ModelSpec":
    """Return the model with its network ready for the backend; say what was chosen, and how it agrees."""
    from catalog.prepare import prepare
    from catalog.session import default_batch

    batch = settings.batch or default_batch(cut)
    with console.status("preparing the model") as status:
        backend = prepare(spec, source, settings.work, fingerprint, batch, status.update)
    if backend.agreement is not None:
        _say(console, "backend", backend.about)
        _say(console, "agreement", f"{backend.agreement}")
        _say(console, "speed", f"{backend.speed:.2f} times that of TensorFlow, on these objects")
    return backend.spec


def _input(model: "PublishedModel", wanted: _Wanted, workers: int | None) -> "Input":
    from catalog.errors import CatalogError
    from evaluation.formats.exported_model import METADATA_FILE
    from serving.predict.description import Description
    from serving.predict.errors import PredictError

    try:
        description = Description.of(model.description, str(model.path / METADATA_FILE))
    except PredictError as error:
        raise CatalogError(str(error)) from error
    if (wanted.stamps is None) == (wanted.fields is None):
        raise CatalogError("give either --stamps, or --fields and --sources")
    if wanted.stamps is not None:
        _refuse(wanted, ("sources", "stamp_size"), "is for --fields, not for --stamps")
        return _stamps(wanted, description, workers)
    _refuse(wanted, ("table", "cube_bands"), "is for --stamps, not for --fields")
    if wanted.sources is None:
        raise CatalogError("--fields needs --sources, the table of the objects in the fields")
    return _fields(wanted, description)


def _refuse(wanted: _Wanted, options: tuple[str, ...], why: str) -> None:
    from catalog.errors import CatalogError

    for option in options:
        if getattr(wanted, option) is not None:
            raise CatalogError(f"--{option.replace('_', '-')} {why}")


def _fields(wanted: _Wanted, description: "Description") -> "Input":
    from catalog.errors import CatalogError
    from catalog.fields.input import fields_input
    from preprocessing.locations import location, uri_problem

    for option in ("fields", "sources"):
        if problem := uri_problem(getattr(wanted, option)):
            raise CatalogError(f"--{option} {problem}")
    side = _stamp_side(wanted.stamp_size, description)
    return fields_input(location(str(wanted.fields)), location(str(wanted.sources)), description, side)


def _stamp_side(given: int | None, description: "Description") -> int | None:
    """Return the side of the training stamps: as the model records it, or as the user says."""
    from catalog.errors import CatalogError

    if description.training is None:
        return given
    height, width = description.training.stamp
    recorded = round(math.sqrt(height * width))
    if given not in (None, recorded):
        raise CatalogError(
            f"--stamp-size {given}: the model was trained on stamps of {width} x {height} pixels"
        )
    return recorded


def _stamps(wanted: _Wanted, description: "Description", workers: int | None) -> "Input":
    from catalog.errors import CatalogError
    from catalog.stamps import stamps_input
    from preprocessing.locations import location, uri_problem
    from serving.predict.errors import PredictError
    from serving.predict.target import cube_bands_in

    if wanted.table and (problem := uri_problem(wanted.table)):
        raise CatalogError(f"--table {problem}")
    try:
        bands = cube_bands_in(wanted.cube_bands)
    except PredictError as error:
        raise CatalogError(str(error)) from error
    table = location(wanted.table) if wanted.table else None
    return stamps_input(str(wanted.stamps), table, description, bands, workers)


class _Page:
    """The page of a catalogue, for which the rows are counted as they are written."""

    def __init__(
        self, settings: "Settings", source: "Input", plan: "Plan", model: "PublishedModel", about: "About"
    ) -> None:
        from report.catalogue.statistics import CatalogueStatistics

        self._settings, self._source, self._plan, self._model = settings, source, plan, model
        self._about = about
        self.statistics = CatalogueStatistics()

    def render(self, summary: "Summary") -> str:
        from dataclasses import asdict

        from catalog.pictures import pictures_of
        from report.catalogue.page import Picture, render_page

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
        title = self._settings.out.name
        return render_page(title, asdict(summary), self.statistics, self._model.uncertain, pictures, facts)


def _about(
    known: "Model",
    source: "Input",
    settings: "Settings",
    kind: str,
    columns: tuple[str, ...],
    backend: "Mapping[str, Any]",
    started: datetime,
    seconds: float,
) -> "About":
    from importlib.metadata import version

    from catalog.output.about import About

    return About(
        model=known,
        input={**source.about, "digest": source.digest},
        settings={
            "format": kind,
            "columns": list(columns),
            "backend": backend,
            "runner": settings.engine.runner,
            "chunk_rows": settings.chunk_rows,
        },
        command=["galmorph", *sys.argv[1:]],
        started=started,
        seconds=seconds,
        galmorph=version("galmorph"),
    )


def _bar(console: Console, what: str) -> Any:
    from contextlib import contextmanager

    from pipeline.progress_bar import progress_bar

    @contextmanager
    def shown() -> Any:
        with progress_bar(console, "rate") as bar:
            task = bar.add_task(what, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)

    return shown()


def _show(console: Console, summary: "Summary", settings: "Settings", done: int, seconds: float) -> None:
    from report.terminal import say

    def counts(found: dict[str, int]) -> str:
        return ", ".join(f"{number:,} {name}" for name, number in found.items() if number)

    console.print("[bold]catalogue[/]")
    rejects = f"{summary.rejects:,} reject{'' if summary.rejects == 1 else 's'}"
    rejects += f" ({counts(summary.reasons)})" if summary.rejects else ""
    say(console, "objects", f"{summary.rows:,}: {summary.classified:,} classified, {rejects}")
    say(console, "classes", counts(summary.classes))
    if summary.flags:
        say(console, "flags", counts(summary.flags))
    _say(console, "model", f"version {', '.join(summary.model['versions'])}, {summary.model['path']}")
    _say(console, "table", str(settings.out / summary.table))
    if summary.rejects:
        _say(console, "rejects", str(settings.out / "rejects.csv"))
    rate = f", {done / seconds:,.1f} objects/s" if done else ""
    say(console, "time", f"{seconds:.1f} s{rate}")


def _send(console: Console, settings: "Settings", kind: str) -> None:
    from catalog.output.twins import loadable, make_twin
    from catalog.samp import send_table

    tables = loadable(settings.out, kind)
    for sent in send_table(tables, lambda message: make_twin(settings.out, kind, message), settings.out.name):
        result = f"cannot load it: {sent.problem}" if sent.problem else f"has loaded {sent.path}"
        _say(console, "SAMP", f"{sent.client} {result}")


def _part(text: str) -> tuple[int, int]:
    number, _, of = text.partition("/")
    if not (number.isdigit() and of.isdigit() and 1 <= int(number) <= int(of)):
        raise InputError(f"--part {text!r} is not of the form I/N, such as 3/16, with I from 1 to N")
    return int(number), int(of)


def _columns(text: str) -> tuple[str, ...]:
    from catalog.classifier import OPTIONAL

    names = tuple(dict.fromkeys(name for name in text.replace(",", " ").split()))
    if unknown := [name for name in names if name not in OPTIONAL]:
        raise InputError(f"--columns: {unknown[0]!r} is not one of {', '.join(OPTIONAL)}")
    return names


def _say(console: Console, what: str, value: str) -> None:
    from report.terminal import say

    say(console, what, value, is_path=True)
