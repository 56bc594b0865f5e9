"""`galmorph predict`: classify a folder of stamps with a published model."""

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from pipeline.errors import ExitStatus, InputError

if TYPE_CHECKING:
    from preprocessing.locations import Location
    from serving.predict.address import Access, Address
    from serving.predict.classifier import Classifier
    from serving.predict.result import Places, Summary
    from serving.predict.session import Settings
    from serving.predict.target import Stamps, Target

_MIB = 2**20
_SERVER = "Options for servers"


def predict(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL|URL",
            help="Folder of a published version, or the \\[push] directory, whose newest version counts; or "
            "a server: http://host:8501 (REST) or grpc://host:8500, with TLS https or grpcs, and with "
            "/v1/models/NAME/versions/N for another model or version.",
        ),
    ],
    stamps: Annotated[
        str,
        typer.Option(
            metavar="TEMPLATE|FOLDER",
            help="Path or URI (s3://, gs://) of the stamps with {name} and {band}, in quotation marks; or a "
            "folder of files such as {name}_{band}.fits.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            metavar="FILE", help="Table to write: .csv, .ecsv, .fits, .vot or .parquet.", show_default=False
        ),
    ],
    table: Annotated[
        str | None,
        typer.Option(
            metavar="TABLE",
            help="Table of the objects, with the column name, and possibly ra and dec. By default all "
            "objects that have stamps.",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Begin anew, and replace FILE.")] = False,
    batch: Annotated[int, typer.Option(min=1, max=4096, help="Objects that are classified at once.")] = 64,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, max=64, help="Processes that read stamps.", show_default="one for each core, up to 4"
        ),
    ] = None,
    cube_bands: Annotated[
        str | None,
        typer.Option(
            metavar="BANDS",
            help="Bands of the planes, first plane first (G,R,I), if one file holds all bands of an object; "
            "not needed if the model was trained on cubes.",
            show_default=False,
        ),
    ] = None,
    bands: Annotated[
        str | None,
        typer.Option(
            metavar="BANDS",
            rich_help_panel=_SERVER,
            help="Bands of the server's model, red first (IRG, or I,R,G), if it does not say them. The files "
            "are then sent as they are.",
            show_default=False,
        ),
    ] = None,
    model_dir: Annotated[
        Path | None,
        typer.Option(
            "--model",
            metavar="FOLDER",
            rich_help_panel=_SERVER,
            help="Folder of the server's model, whose rules for stamps count, if the server does not say "
            "them.",
            show_default=False,
        ),
    ] = None,
    concurrency: Annotated[
        int,
        typer.Option(min=1, max=256, rich_help_panel=_SERVER, help="Number of requests at the same time."),
    ] = 4,
    deadline: Annotated[
        float,
        typer.Option(
            min=0.1, max=3600, rich_help_panel=_SERVER, help="Longest time for a request (seconds)."
        ),
    ] = 60.0,
    retries: Annotated[
        int,
        typer.Option(
            min=0,
            max=20,
            rich_help_panel=_SERVER,
            help="Retries if it is busy or does not answer, at growing waits.",
        ),
    ] = 5,
    request_size: Annotated[
        float,
        typer.Option(
            min=0.1, max=1024, rich_help_panel=_SERVER, help="Largest request (MiB); larger ones are split."
        ),
    ] = 16.0,
    ca_certificate: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=_SERVER,
            help="Certificates of trusted authorities (PEM).",
            show_default=False,
        ),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=_SERVER,
            help="File with a bearer token. By default the environment variable GALMORPH_TOKEN.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Classify stamps with a published model, in this process or through a server.

    Example:
    galmorph predict models --stamps 'survey/{name}_{band}.fits' --out results.fits

    FILE gets one row for each object, in the order of TABLE: name, ra, dec,
    p_elliptical, p_spiral, morphology, flags, model_version, novelty. An object
    that cannot be classified is listed, with its reason, in results.rejects.csv
    beside it; results.summary.json has the counts. After an interruption, the
    same command goes on where it stopped.
    """
    from preprocessing.storage_errors import StorageError
    from serving.predict.address import check_certificate, parse_address
    from serving.predict.asking import Patience
    from serving.predict.errors import PredictError
    from serving.predict.run import Interrupted
    from serving.predict.session import Settings
    from serving.predict.target import Stamps, cube_bands_in

    console = Console()
    settings = Settings(
        out.absolute(),
        _table(table),
        overwrite,
        batch=batch,
        workers=workers,
        patience=Patience(retries, objects=batch, size=int(request_size * _MIB)),
    )
    try:
        chosen = Stamps(stamps, cube_bands_in(cube_bands))
        address = parse_address(model)
        if address is None:
            if idle := _given(bands=bands, model=model_dir, ca_certificate=ca_certificate, token=token_file):
                raise PredictError(f"--{idle} is for servers, but {model} is a folder")
            _predict_here(console, Path(model), chosen, settings)
        else:
            check_certificate(ca_certificate)
            access = _access(console, address, deadline, ca_certificate, token_file)
            settings = replace(settings, concurrency=concurrency)
            _predict_there(console, address, access, chosen, settings, bands, model_dir)
    except Interrupted as error:
        print(f"galmorph: {error}", file=sys.stderr)
        raise typer.Exit(ExitStatus.INTERRUPTED) from None
    except KeyboardInterrupt:
        print("galmorph: interrupted; run the same command again", file=sys.stderr)
        raise typer.Exit(ExitStatus.INTERRUPTED) from None
    except (PredictError, StorageError) as error:
        raise InputError(str(error)) from error


def _predict_here(console: Console, folder: Path, stamps: "Stamps", settings: "Settings") -> None:
    from pipeline.plain_path import plain_path
    from serving.predict.local import LocalClassifier
    from serving.predict.session import earlier_subject
    from serving.predict.target import local_target, published

    earlier_subject(settings)
    found = published(folder)
    target = local_target(found, stamps)
    with plain_path(found.path) as path:
        _run(console, settings, target, lambda: LocalClassifier(path, found.version, str(found.path)))


def _predict_there(
    console: Console,
    address: "Address",
    access: "Access",
    stamps: "Stamps",
    settings: "Settings",
    bands: str | None,
    model: Path | None,
) -> None:
    from serving.predict.session import earlier_subject
    from serving.predict.target import connect, server_target

    earlier = earlier_subject(settings)
    with console.status(f"asking {address}"):
        server = connect(address, access, settings.concurrency)
        target = server_target(
            server,
            address,
            stamps,
            model=model,
            bands=bands,
            earlier=earlier,
            patience=settings.patience,
        )
    _run(console, settings, target, lambda: server)


def _access(
    console: Console, address: "Address", deadline: float, certificate: Path | None, token_file: Path | None
) -> "Access":
    from serving.predict.address import Access, read_token

    access = Access(deadline, certificate, read_token(token_file))
    if access.token and not (address.is_encrypted or address.is_local):
        _say(console, "note", f"the token goes to {address} without encryption")
    return access


def _run(
    console: Console, settings: "Settings", target: "Target", make_classifier: "Callable[[], Classifier]"
) -> None:
    from pipeline.progress_bar import progress_bar
    from serving.predict.session import run_prediction

    for notice in target.notices:
        _say(console, "note", notice)
    started = time.monotonic()
    with progress_bar(console, "rate") as bar:
        task = bar.add_task("objects", total=None)

        def progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        summary, places = run_prediction(
            settings,
            target,
            make_classifier,
            progress=progress,
            notify=lambda notice: _say(console, "note", notice),
        )
    _show(console, summary, places, time.monotonic() - started)


def _show(console: Console, summary: "Summary", places: "Places", seconds: float) -> None:
    from report.terminal import say, say_counts

    say_counts(console, "predictions", summary)
    where = summary.model.get("path") or f"{summary.model['name']} at {summary.model['url']}"
    versions = ", ".join(summary.model["versions"])
    _say(console, "model", f"version {versions}, {where}")
    _say(console, "table", str(places.table))
    if summary.rejects:
        _say(console, "rejects", str(places.rejects))
    _say(console, "summary", str(places.summary))
    say(console, "time", f"{seconds:.1f} s")


def _table(text: str | None) -> "Location | None":
    from preprocessing.locations import location, uri_problem

    if text and (problem := uri_problem(text)):
        raise InputError(f"--table {problem}")
    return location(text) if text else None


def _given(**options: object) -> str:
    """Return the first option that is given; empty if none is."""
    return next((name.replace("_", "-") for name, value in options.items() if value is not None), "")


def _say(console: Console, what: str, value: str) -> None:
    from report.terminal import say

    say(console, what, value, is_path=True)
