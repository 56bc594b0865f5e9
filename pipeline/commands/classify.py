"""`galmorph classify`: classify a survey with a published model."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipeline.errors import ExitStatus, InputError

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
    title: Annotated[
        str | None,
        typer.Option(
            help="Title of the catalogue, for its README and citation.", show_default="the name of DIR"
        ),
    ] = None,
    author: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Author of the catalogue, for its citation; may be repeated.",
            show_default=False,
        ),
    ] = None,
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
    work: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER|URI",
            rich_help_panel=_RUN,
            help="Place for the folder of the unfinished catalogue, which is named after DIR and removed at "
            "the end; for workers that do not reach DIR. With a URI (s3://, gs://) the model goes there, "
            "too.",
            show_default="DIR/.work",
        ),
    ] = None,
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
            show_default="half the cores, up to 4",
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
    existing = "overwrite" if overwrite else "resume" if resume or merge else "refuse"
    console = Console()
    from catalog.alone import alone
    from catalog.engine import Engine
    from catalog.place import CompleteError, Settings, check_out
    from catalog.wanted import Wanted, check_reach

    try:
        options = tuple(f"--{option.removeprefix('--')}" for option in beam or ())
        settings = Settings(
            # A path such as new/../.. leads elsewhere once its folders have been made.
            out.resolve() if ".." in out.parts else out.absolute(),
            existing,  # type: ignore[arg-type]
            _part(part) if part else None,
            Engine(runner, options),
            batch,
            work_place="" if work is None else _work(work),
        )
        wanted = Wanted(stamps, table, cube_bands, fields, sources, stamp_size)
        check_reach(wanted, settings.engine)
        names = _columns(columns)
        cited = (
            "" if title is None else _line("--title", title),
            tuple(_line("--author", name) for name in author or ()),
        )
        with alone(settings.out, shared=bool(part)):
            try:
                check_out(settings)
            except CompleteError:
                if not resume:
                    raise
                print(f"galmorph: {out} is complete already")
                written = True
            else:
                from pipeline.classification import Request, classify_survey

                of_network = backend.value, precision.value if precision else None
                request = Request(
                    model, wanted, settings, format.value, names, *of_network, workers, merge, *cited
                )
                written = classify_survey(console, request)
            if samp and written:
                from pipeline.classification import send_table_to_programs

                send_table_to_programs(console, settings.out, format.value)
    except KeyboardInterrupt:
        print(
            "galmorph: interrupted; the same command with --resume goes on where it stopped", file=sys.stderr
        )
        raise typer.Exit(ExitStatus.INTERRUPTED) from None
    except (CatalogError, StorageError) as error:
        raise InputError(str(error)) from error


def _part(text: str) -> tuple[int, int]:
    number, _, of = text.partition("/")
    if not (number.isdigit() and of.isdigit() and 1 <= int(number) <= int(of)):
        raise InputError(f"--part {text!r} is not of the form I/N, such as 3/16, with I from 1 to N")
    return int(number), int(of)


def _work(text: str) -> str:
    from preprocessing.locations import is_uri, uri_problem

    if not text:
        raise InputError("--work is empty; it needs a folder or a URI")
    if problem := uri_problem(text):
        raise InputError(f"--work {problem}")
    return text if is_uri(text) else str(Path(text).absolute())


def _line(option: str, text: str) -> str:
    """Return a text of the user as one line."""
    line = " ".join(text.split())
    if not line or not line.isprintable():
        raise InputError(f"{option} {text!a} is empty, or no text in UTF-8")
    return line


def _columns(text: str) -> tuple[str, ...]:
    from catalog.classifier import OPTIONAL

    names = tuple(dict.fromkeys(name for name in text.replace(",", " ").split()))
    if unknown := [name for name in names if name not in OPTIONAL]:
        raise InputError(f"--columns: {unknown[0]!r} is not one of {', '.join(OPTIONAL)}")
    return names
