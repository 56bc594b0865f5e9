"""The verbs of `galmorph fetch`."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipeline.errors import ExitStatus, InputError

app = typer.Typer(
    help="Download what a run needs: labels (table), FITS stamps (stamps), ImageNet weights (weights).",
    no_args_is_help=True,
)


Retries = Annotated[int, typer.Option(min=0, max=20, help="Number of retries after a failed attempt.")]


@app.command()
def table(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME|URL",
            help="gz1, gz2, gz2-willett, gz2-stripe82, gz2-stripe82-coadd, openngc, or a URL.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder to write.")] = Path("."),
    sha256: Annotated[
        str | None,
        typer.Option(
            metavar="HEX",
            help="Expected SHA-256 of the file. By default the published one, or else the one of the first "
            "download, which OUT/tables.csv records.",
        ),
    ] = None,
    retries: Retries = 4,
) -> None:
    """Download a table of labels: Galaxy Zoo, OpenNGC, or any table by its URL."""
    from fetch.retry import Patience
    from fetch.tables import RECORD, fetch_table

    console = Console()
    with _transfer(console, name.rsplit("/", 1)[-1].partition("?")[0]) as progress:
        came = fetch_table(name, out, sha256=sha256, patience=Patience(retries), progress=progress)
    console.print("[bold]table[/]")
    _say(console, "downloaded" if came.fetched else "already there", f"{came.path}, {came.bytes:,} bytes")
    _say(console, "SHA-256", came.sha256)
    checked = f"SHA-256 matches {came.proof}" if came.proof else f"none; recorded in {out / RECORD}"
    _say(console, "check", checked)
    if came.cite:
        _say(console, "cite", came.cite)
    console.print("[bold]configuration[/]")
    _say(console, "[data]", f"labels = {_toml(came.path)}")


@app.command()
def stamps(
    targets: Annotated[
        Path, typer.Argument(metavar="TABLE", help="Table with columns name, ra, dec in degrees.")
    ],
    out: Annotated[Path, typer.Option(help="Folder to write; stamps that are there already are kept.")],
    bands: Annotated[str, typer.Option(help="Bands (I,R,G), or a preset (IRG, IGU, ZRG, R660G).")] = "I,R,G",
    size: Annotated[int, typer.Option(min=8, max=8192, help="Side of a stamp (pixels).")] = 200,
    url_template: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="URL of any cutout service, with {name}, {band} or {band_lower}, {ra} and {dec} "
            "(degrees), {size} (pixels); any other name in braces is a numeric column of TABLE. By default "
            "S-PLUS, with SPLUS_USERNAME and SPLUS_PASSWORD from the environment.",
        ),
    ] = None,
    composite: Annotated[
        str | None,
        typer.Option(
            metavar="STRETCH,Q",
            help="The service of --url-template returns one colour picture (JPEG, PNG) of the three --bands, "
            "red first, made by the Lupton mapping with this stretch and Q; flux is recovered from it.",
        ),
    ] = None,
    data_release: Annotated[str, typer.Option(help="Data release of S-PLUS.")] = "dr4",
    workers: Annotated[int, typer.Option(min=1, max=10, help="Number of requests at the same time.")] = 4,
    retries: Retries = 4,
) -> None:
    """Download FITS stamps for a table of positions; a second call continues an interrupted one."""
    from fetch.composites import CompositeSource
    from fetch.cutouts import CutoutSource, columns_of
    from fetch.one_stamp import MAX_STAMP_BYTES, StampSource
    from fetch.retry import Patience
    from fetch.splus import SplusSource
    from fetch.stamps import StampSummary, fetch_stamps
    from fetch.targets import read_targets
    from pipeline.progress_bar import progress_bar

    console = Console()
    folder = out.absolute()
    with _input_errors(), progress_bar(console, "files") as bar:
        wanted = _bands(bands)
        columns = columns_of(url_template or "")
        stretch_and_q = _composite(composite, url_template)
        objects = read_targets(targets, columns)
        # A stamp that has not arrived after ten minutes has stalled.
        patience = Patience(retries, longest_transfer=600.0)
        source: StampSource
        if url_template is not None:
            cutouts = CutoutSource(
                url_template,
                wanted if stretch_and_q is None else (),
                size=size,
                max_bytes=MAX_STAMP_BYTES,
                patience=patience,
                columns=columns,
            )
            source = cutouts
            if stretch_and_q is not None:
                stretch, q = stretch_and_q
                source = CompositeSource(cutouts, wanted, folder, stretch=stretch, q=q)
        else:
            source = SplusSource(
                size=size, data_release=data_release, max_bytes=MAX_STAMP_BYTES, patience=patience
            )
        task = bar.add_task(f"stamps from {source.host}", total=len(objects) * len(wanted))

        def progress(summary: StampSummary) -> None:
            bar.update(task, completed=sum(summary.counts.values()))

        summary = fetch_stamps(objects, wanted, folder, source, size=size, workers=workers, progress=progress)
    _show(console, summary, targets)
    if summary.interrupted:
        raise typer.Exit(ExitStatus.INTERRUPTED)


@app.command()
def weights(
    backbone: Annotated[
        str, typer.Argument(metavar="BACKBONE", help="EfficientNetB0 .. B7, as in \\[model] backbone.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help='Folder to write. By default the Keras cache, which weights = "imagenet" reads.',
            show_default=False,
        ),
    ] = None,
    sha256: Annotated[
        str | None,
        typer.Option(metavar="HEX", help="Expected SHA-256 of the file, besides the published MD5."),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="URL of a mirror: a folder that holds the files under their published names.",
        ),
    ] = None,
    retries: Retries = 4,
) -> None:
    """Download the ImageNet weights of a backbone, as Keras publishes them."""
    from fetch.retry import Patience
    from fetch.weights import fetch_weights
    from trainer.backbones.names import backbone_facts
    from trainer.weights.preflight import KERAS_WEIGHTS_URL, imagenet_weights_problem, keras_cache

    try:
        facts = backbone_facts(backbone)
    except ValueError as error:
        raise InputError(str(error)) from error
    console = Console()
    if facts.keras_md5 is None:
        # For these backbones the function only checks whether the package is installed.
        problem = imagenet_weights_problem(facts.name, "imagenet")
        if problem:
            raise InputError(problem)
        _say(console, facts.name, "the ImageNet weights come with an installed package; nothing to download")
        _show_model(console, facts.name, {"weights": "imagenet"})
        return
    folder = out or keras_cache()
    with _transfer(console, facts.keras_file) as progress:
        came = fetch_weights(
            url or KERAS_WEIGHTS_URL,
            facts.keras_file,
            folder,
            md5=facts.keras_md5,
            sha256=sha256,
            patience=Patience(retries),
            progress=progress,
        )
    console.print("[bold]weights[/]")
    state = "downloaded" if came.fetched else "already there"
    _say(console, state, f"{came.path.absolute()}, {came.bytes:,} bytes")
    _say(console, "SHA-256", came.sha256)
    _say(console, "MD5", f"{facts.keras_md5}, as published")
    if folder.absolute() == keras_cache().absolute():
        _show_model(console, facts.name, {"weights": "imagenet"})
    else:
        values = {"weights": str(came.path.absolute()), "weights_sha256": came.sha256}
        _show_model(console, facts.name, values)


def _show_model(console: Console, backbone: str, values: dict[str, str]) -> None:
    console.print("[bold]configuration[/]")
    _say(console, "[model]", f"backbone = {_toml(backbone)}")
    for key, value in values.items():
        _say(console, "", f"{key} = {_toml(value)}")


def _show(console: Console, summary, targets: Path) -> None:
    counts = summary.counts
    console.print("[bold]stamps[/]")
    _say(console, "requested", str(summary.total))
    _say(console, "downloaded", str(counts["fetched"]))
    _say(console, "already there", str(counts["present"]))
    _say(console, "failed", str(counts["failed"]))
    for reason, count in summary.reasons.most_common(3):
        _say(console, "", f"{count} x {reason}")
    untried = summary.total - sum(counts.values())
    if untried:
        _say(console, "not tried", f"{untried}; interrupted: run the same command again to continue")
    _say(console, "manifest", str(summary.manifest))
    console.print("[bold]configuration[/]")
    _say(console, "[data]", f"stamps = {_toml(summary.stamps)}")
    _say(console, "", f"labels = {_toml(targets)}")


def _composite(text: str | None, url_template: str | None) -> tuple[float, float] | None:
    from fetch.errors import FetchError

    if text is None:
        return None
    if url_template is None:
        raise FetchError("--composite needs --url-template: S-PLUS sends FITS files")
    try:
        stretch, q = map(float, text.split(","))
    except ValueError:
        raise FetchError(f"--composite {text!r} is not two numbers such as 3,8") from None
    return stretch, q


def _bands(text: str) -> tuple[str, ...]:
    from fetch.errors import FetchError
    from preprocessing.bands import RGB_PRESETS, band_name

    spellings = RGB_PRESETS.get(text.strip().upper()) or text.replace(",", " ").split()
    try:
        names = tuple(dict.fromkeys(band_name(spelling) for spelling in spellings))
    except ValueError as error:
        raise FetchError(f"--bands: {error}") from error
    if not names:
        raise FetchError("--bands is empty")
    return names


@contextmanager
def _input_errors() -> Iterator[None]:
    from fetch.errors import FetchError

    try:
        yield
    except FetchError as error:
        raise InputError(str(error)) from error


@contextmanager
def _transfer(console: Console, what: str) -> Iterator[Callable[[int, int | None], None]]:
    """Show the progress of a download, and end the command if the user interrupts it."""
    from pipeline.progress_bar import progress_bar

    with _input_errors(), progress_bar(console, "bytes") as bar:
        task = bar.add_task(what, total=None)

        def progress(done: int, total: int | None) -> None:
            bar.update(task, completed=done, total=total)

        try:
            yield progress
        except KeyboardInterrupt:
            bar.stop()
            _say(console, "interrupted", "run the same command again to continue")
            raise typer.Exit(ExitStatus.INTERRUPTED) from None


def _say(console: Console, what: str, value: str) -> None:
    from report.terminal import say

    say(console, what, value, is_path=True)


def _toml(value: Path | str) -> str:
    text = str(value.absolute()) if isinstance(value, Path) else value
    return json.dumps(text, ensure_ascii=False)  # a JSON string is a TOML basic string
