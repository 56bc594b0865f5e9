"""`galmorph kubeflow wait`: follow a run that was submitted before."""

from typing import Annotated

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
from pipeline.errors import InputError


def wait(
    run_id: Annotated[
        str, typer.Argument(metavar="RUN_ID", help="Identifier of the run, as submit prints it.")
    ],
    host: Host = None,
    ui_host: UiHost = None,
    namespace: Namespace = None,
    token_file: TokenFile = None,
    cookie_file: CookieFile = None,
    ca_cert: CaCert = None,
    timeout: Timeout = None,
    poll: Poll = 5.0,
    retry_for: RetryFor = 600.0,
) -> None:
    """Follow a run to its end: show its nodes, and return 0, 1 or, if the model was refused, 3."""
    from kubeflow.submit.errors import SubmitError
    from kubeflow.submit.follow import Patience
    from kubeflow.submit.package import tasks_of
    from report.terminal import say

    console = Console()
    try:
        access = make_access(host, ui_host, namespace, token_file, cookie_file, ca_cert)
        pipelines = connect(console, access)
        run = pipelines.run(run_id)
        names = tasks_of(pipelines.specification(run))
    except SubmitError as error:
        raise InputError(str(error)) from error
    console.print("[bold]run[/]")
    say(console, "name", str(run.display_name or ""))
    say(console, "page", access.run_link(run_id), is_path=True)
    raise typer.Exit(follow_run(console, pipelines, run_id, names, Patience(poll, retry_for, timeout)))
