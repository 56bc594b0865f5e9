"""`galmorph kubeflow submit`: start a compiled pipeline on Kubeflow Pipelines, or schedule it."""

import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from pipeline.commands.kubeflow_access import (
    CaCert,
    CookieFile,
    Host,
    Namespace,
    Poll,
    RetryFor,
    Timeout,
    TokenFile,
    UiHost,
    connect,
    follow_run,
    make_access,
)
from pipeline.errors import ExitStatus, InputError

if TYPE_CHECKING:
    from kubeflow.submit.api import Pipelines, Submission
    from kubeflow.submit.package import Package

_RECURRING = "Recurring runs"


def submit(
    pipeline: Annotated[
        Path, typer.Argument(metavar="PIPELINE.YAML", help="What `galmorph kubeflow compile` wrote.")
    ],
    host: Host = None,
    ui_host: UiHost = None,
    namespace: Namespace = None,
    token_file: TokenFile = None,
    cookie_file: CookieFile = None,
    ca_cert: CaCert = None,
    param: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="A run parameter; repeatable. For settings and lists, once for each element.",
        ),
    ] = None,
    pipeline_root: Annotated[
        str | None,
        typer.Option(
            metavar="URI",
            help="Where the artifacts go: minio://, s3:// or gs://, bucket and path.",
            show_default="the server's",
        ),
    ] = None,
    experiment: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            envvar="KF_PIPELINES_DEFAULT_EXPERIMENT_NAME",
            help="Experiment of the run; it is made if necessary.",
            show_default="the pipeline's name",
        ),
    ] = None,
    run_name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Name of the run.", show_default="the pipeline's name and the time"
        ),
    ] = None,
    service_account: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Kubernetes service account of the pods.", show_default="the server's"
        ),
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Serve no node from the cache.")] = False,
    pipeline_name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Upload the file as a version of this pipeline, and run that.",
            show_default="the run carries the file",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything here, print the arguments, send nothing.")
    ] = False,
    cron: Annotated[
        str | None,
        typer.Option(
            metavar="EXPRESSION",
            rich_help_panel=_RECURRING,
            help="Schedule: '0 3 * * 1' (minute, hour, day of the month, month, day of the week), the same "
            "with seconds first, or @daily.",
            show_default=False,
        ),
    ] = None,
    job_name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=_RECURRING,
            help="Name of the recurring run.",
            show_default="the pipeline's name",
        ),
    ] = None,
    replace_job: Annotated[
        bool,
        typer.Option("--replace", rich_help_panel=_RECURRING, help="Replace a recurring run of this name."),
    ] = False,
    wait: Annotated[
        bool, typer.Option(rich_help_panel="Waiting", help="Wait until the run has ended.")
    ] = True,
    timeout: Timeout = None,
    poll: Poll = 5.0,
    retry_for: RetryFor = 600.0,
) -> None:
    """Start a compiled pipeline on Kubeflow Pipelines and follow the run, or schedule it.

    Example:
    galmorph kubeflow submit pipeline.yaml --host http://localhost:8080 --param epochs=20

    Exit status: 0 the run succeeded; 3 the model was refused and nothing was
    published; 1 the run failed otherwise; 2 something is wrong with the file,
    the options or the server. An interruption does not end the run: galmorph
    kubeflow wait follows it again.
    """
    from kubeflow.submit.api import Submission, default_name
    from kubeflow.submit.arguments import run_arguments
    from kubeflow.submit.errors import SubmitError
    from kubeflow.submit.follow import Patience
    from kubeflow.submit.package import read_package
    from kubeflow.submit.root import check_pipeline_root
    from kubeflow.submit.schedule import kfp_cron

    console = Console()
    if cron is None and (job_name or replace_job):
        raise InputError(f"--{'job-name' if job_name else 'replace'} is for recurring runs; give --cron, too")
    try:
        package = read_package(pipeline)
        arguments = run_arguments(package, param or ())
        if root := pipeline_root or package.root:
            check_pipeline_root(root)
        schedule = kfp_cron(cron) if cron is not None else None
        _warn_of_images(console, package)
        if dry_run:
            _show_arguments(console, arguments, package, pipeline_root, schedule)
            return
        access = make_access(host, ui_host, namespace, token_file, cookie_file, ca_cert)
        name = run_name or default_name(package.name)
        submission = Submission(
            pipeline,
            name if schedule is None else job_name or package.name,
            arguments,
            pipeline_root,
            service_account,
            False if no_cache else None,
        )
        pipelines = connect(console, access)
        experiment_id = _experiment(console, pipelines, experiment or package.name)
        if pipeline_name:
            submission = _upload(console, pipelines, submission, pipeline_name, no_cache)
        if schedule is not None:
            _schedule(console, pipelines, experiment_id, schedule, submission, replace_job)
            return
        run_id = pipelines.create_run(experiment_id, submission)
    except SubmitError as error:
        raise InputError(str(error)) from error
    except KeyboardInterrupt:
        print("galmorph: interrupted; the page of the experiment shows what was started", file=sys.stderr)
        raise typer.Exit(ExitStatus.INTERRUPTED) from None
    console.print("[bold]run[/]")
    _say(console, "name", name)
    _say(console, "identifier", run_id)
    _say(console, "page", access.run_link(run_id))
    if wait:
        patience = Patience(poll, retry_for, timeout)
        raise typer.Exit(follow_run(console, pipelines, run_id, package.tasks, patience))


def _experiment(console: Console, pipelines: "Pipelines", name: str) -> str:
    experiment_id, made = pipelines.experiment(name)
    console.print("[bold]experiment[/]")
    _say(console, "name", f"{name}{' (new)' if made else ''}")
    _say(console, "page", pipelines.access.experiment_link(experiment_id))
    return experiment_id


def _upload(
    console: Console, pipelines: "Pipelines", submission: "Submission", name: str, no_cache: bool
) -> "Submission":
    from kubeflow.submit.version import version_name, without_cache

    with tempfile.TemporaryDirectory() as folder:
        path = without_cache(submission.path, Path(folder)) if no_cache else submission.path
        version = version_name(path)
        pipeline_id, version_id, new = pipelines.upload(path, name, version)
    _say(console, "pipeline", f"{name}, version {version} ({'uploaded' if new else 'was there'})")
    return replace(submission, version=(pipeline_id, version_id))


def _schedule(
    console: Console,
    pipelines: "Pipelines",
    experiment_id: str,
    cron: str,
    submission: "Submission",
    replace_job: bool,
) -> None:
    from kubeflow.submit.recurring import schedule

    done = schedule(pipelines, experiment_id, cron, submission, replace=replace_job)
    console.print("[bold]recurring run[/]")
    replaced = done.deleted or done.disabled
    _say(console, "name", f"{submission.name}{' (replaced)' if replaced else ''}")
    _say(console, "identifier", done.made)
    when = cron if cron.startswith("@") else f"{cron} (seconds first)"
    _say(console, "schedule", f"{when}, in the server's time zone, UTC by default")
    _say(console, "page", pipelines.access.recurring_run_link(done.made))
    for identifier in done.disabled:
        link = pipelines.access.recurring_run_link(identifier)
        _say(
            console, "note", f"the earlier one is disabled, not deleted, because a run is in progress: {link}"
        )


def _warn_of_images(console: Console, package: "Package") -> None:
    from kubeflow.images import names_no_version

    for image in filter(names_no_version, package.images):
        text = f"the image {image} names no fixed version: give a tag or digest when compiling"
        _say(console, "warning", f"{text}; nodes may be served from the cache of older code")


def _show_arguments(
    console: Console, arguments: dict[str, object], package: "Package", root: str | None, cron: str | None
) -> None:
    console.print("[bold]arguments[/]")
    for name, value in arguments.items():
        _say(console, name, json.dumps(value, ensure_ascii=False))
    console.print("[bold]would be sent[/]")
    _say(console, "pipeline", f"{package.name}, {len(package.tasks)} nodes")
    _say(console, "pipeline root", root or package.root or "the server's")
    if cron is not None:
        _say(console, "schedule", cron)


def _say(console: Console, what: str, value: str) -> None:
    from report.terminal import say

    say(console, what, value, is_path=True)
