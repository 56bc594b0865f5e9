"""The command line: one thin function a verb."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipeline import fetch_commands
from pipeline.errors import ExitStatus, InputError

# Heavier modules are imported inside the verbs: `galmorph --help` must not wait for them.

app = typer.Typer(
    help="Learn to tell spiral from elliptical galaxies from FITS stamps; publish only what is good enough.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(fetch_commands.app, name="fetch")

Seed = Annotated[int, typer.Option(min=0, help="Another seed, another survey.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Override a key of the file; repeatable."),
]


@app.callback()
def galmorph() -> None:
    """Tell spiral from elliptical galaxies."""


@app.command()
def simulate(
    out: Annotated[Path, typer.Argument(help="Folder to write; must be empty or not exist.")],
    galaxies: Annotated[int, typer.Option(min=1, help="Rows of the label table.")] = 1000,
    seed: Seed = 0,
    size: Annotated[int, typer.Option(min=32, help="Side of a stamp in pixels.")] = 128,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; one per core unless given.")] = None,
) -> None:
    """Write a synthetic S-PLUS-like survey: FITS stamps in six bands and a table of votes."""
    _simulate(out, galaxies, seed, size, workers)


@app.command()
def run(
    config: Annotated[Path, typer.Argument(help="Configuration, a TOML file (see configs/).")],
    overrides: Overrides = None,
) -> None:
    """Ingest, train, evaluate and, if the model passes the gate, publish it."""
    from pipeline.config import load_settings
    from pipeline.run import run_settings

    raise typer.Exit(run_settings(load_settings(config, overrides or ()), Console()))


@app.command()
def sweep(
    config: Annotated[Path, typer.Argument(help="Configuration, a TOML file (see configs/).")],
    rgb: Annotated[
        list[str] | None, typer.Option(metavar="V1,V2", help="Values of image.rgb: IRG,ZRG")
    ] = None,
    stretch: Annotated[
        list[str] | None, typer.Option(metavar="V1,V2", help="Values of image.stretch")
    ] = None,
    q: Annotated[list[str] | None, typer.Option(metavar="V1,V2", help="Values of image.q")] = None,
    cut: Annotated[
        list[str] | None, typer.Option(metavar="V1,V2", help="Values of image.cut (pixels)")
    ] = None,
    size: Annotated[
        list[str] | None, typer.Option(metavar="V1,V2", help="Values of image.size (pixels)")
    ] = None,
    backbone: Annotated[
        list[str] | None, typer.Option(metavar="V1,V2", help="Values of model.backbone")
    ] = None,
    axis: Annotated[
        list[str] | None,
        typer.Option(metavar="SECTION.KEY=V1,V2", help="Any other key of the file; repeatable."),
    ] = None,
    overrides: Overrides = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write.", show_default="sweep under [pipeline] root")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, other galaxies as examples.")] = 0,
) -> None:
    """Cross-validate every combination of settings and compare them on a page; publishes nothing."""
    from pipeline.sweep_command import run_sweep

    options = {"rgb": rgb, "stretch": stretch, "q": q, "cut": cut, "size": size, "backbone": backbone}
    raise typer.Exit(run_sweep(config, options, axis or (), overrides or (), out, seed, Console()))


@app.command()
def pretrain(
    config: Annotated[Path, typer.Argument(help="Configuration, a TOML file (see configs/).")],
    out: Annotated[Path, typer.Argument(metavar="OUT.weights.h5", help="File of weights to write.")],
    galaxies: Annotated[int, typer.Option(min=50, help="Galaxies to simulate and learn from.")] = 4000,
    seed: Seed = 0,
    labelled: Annotated[
        bool,
        typer.Option(
            "--labelled",
            help="Learn from the configuration's own galaxies instead. Folds of a run on the same table then"
            " score galaxies that the weights have seen.",
        ),
    ] = False,
    overrides: Overrides = None,
) -> None:
    """Give a backbone weights that it learned from galaxies: simulated ones, or any labelled set."""
    from pipeline.pretrain_command import Simulated, run_pretraining

    survey = None if labelled else Simulated(galaxies, seed, _simulate)
    raise typer.Exit(run_pretraining(config, out, overrides or (), survey, Console()))


@app.command()
def inspect(
    config: Annotated[Path, typer.Argument(help="Configuration, a TOML file (see configs/).")],
    overrides: Overrides = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder to write.", show_default="inspection under [pipeline] root"),
    ] = None,
    objects: Annotated[int, typer.Option(min=1, max=100, help="Objects on a contact sheet.")] = 8,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, other objects on the sheets.")] = 0,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; one per core unless given.")] = None,
) -> None:
    """Look before the run: what table and stamps hold, on a page with contact sheets to choose from."""
    import time

    from components.fits_example_gen.labels.reading import TableError
    from inspection.look import PAGE, InspectionError, Request, inspect_data
    from inspection.terminal import inspection_bar, show_look
    from pipeline.config import load_settings
    from trainer.weights_preflight import imagenet_weights_problem

    started, console = time.monotonic(), Console()
    settings = load_settings(config, overrides or ())
    model = settings.model
    problem = imagenet_weights_problem(model.backbone, model.weights, model.weights_sha256)
    request = Request(
        settings.data,
        settings.image,
        settings.split,
        settings.example_bands,
        settings.example_side,
        objects=objects,
        seed=seed,
        workers=workers or os.cpu_count() or 1,
    )
    folder = out or Path(settings.pipeline.root, "inspection")
    try:
        with inspection_bar(console) as progress:
            look = inspect_data(request, folder, problems=[problem] if problem else (), progress=progress)
    except TableError as error:
        raise InputError(f"[data] {error.key}: {error}") from error
    except InspectionError as error:
        raise InputError(str(error)) from error
    show_look(console, look, folder / PAGE, time.monotonic() - started)
    if look.obstacle:
        raise InputError(f"a run would not start: {look.obstacle}")


@app.command()
def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Root folder of a run, or its report.")],
) -> None:
    """Make the report of a run again from what the run has left; trains and classifies nothing."""
    from pipeline.report_command import run_report

    raise typer.Exit(run_report(run, Console()))


@app.command()
def compare(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN RUN...", help="Root folders of runs, or their reports.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="Folder to write.", show_default="comparison beside the first report"),
    ] = None,
) -> None:
    """Compare runs on the test galaxies that they share, and show where they disagree."""
    from pipeline.compare_command import run_compare

    raise typer.Exit(run_compare(runs, out, Console()))


@app.command()
def demo(
    out: Annotated[
        Path | None,
        typer.Argument(help="Folder of survey, run and models.", show_default="demo, or demo-SEED"),
    ] = None,
    galaxies: Annotated[int, typer.Option(min=1, help="Rows of the label table.")] = 1500,
    seed: Seed = 0,
    overrides: Overrides = None,
) -> None:
    """Simulate a survey and run the whole pipeline on it, in a few minutes."""
    from pipeline.config import demo_config, load_settings
    from pipeline.run import run_settings

    # Each seed in a folder of its own: a model must not have to beat one that learned another survey.
    out = out or Path(f"demo-{seed}" if seed else "demo")
    survey = out / "survey"
    _simulate(survey, galaxies, seed, 128, None)
    where = {
        "pipeline.root": out / "run",
        "data.labels": survey / "labels.csv",
        "data.stamps": survey / "{band}_stamps/{name}_{band}.fits",
        "push.directory": out / "models",
    }
    absolute = [f"{key}={path.absolute()}" for key, path in where.items()]
    seeds = [f"split.seed={seed}", f"train.seed={seed}"]
    settings = load_settings(demo_config(), [*absolute, *seeds, *(overrides or ())])
    raise typer.Exit(run_settings(settings, Console()))


def _simulate(out: Path, galaxies: int, seed: int, size: int, workers: int | None) -> None:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from simulation.survey import simulate_survey

    console = Console()
    columns = (TextColumn("  simulating"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("simulating", total=galaxies)

        def advance(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        try:
            summary = simulate_survey(
                out, galaxies, seed, size=size, workers=workers or os.cpu_count(), progress=advance
            )
        except (ValueError, OSError) as error:
            raise InputError(str(error)) from error
    console.print(
        f"[bold]survey[/]: {galaxies} galaxies, stamps {summary.stamps}", highlight=False, soft_wrap=True
    )


def main() -> None:
    """Run the command line; bad input ends in one line on standard error and status 2."""
    try:
        app()
    except InputError as error:
        print(f"galmorph: {error}", file=sys.stderr)
        sys.exit(ExitStatus.BAD_INPUT)


if __name__ == "__main__":
    main()
