"""What the verbs of `galmorph kubeflow` that talk to a server share: options, and following a run."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from pipeline.errors import ExitStatus, InputError

if TYPE_CHECKING:
    from kubeflow.submit.access import Access
    from kubeflow.submit.api import Pipelines
    from kubeflow.submit.follow import Look, Patience

_SERVER = "Server"
_WAITING = "Waiting"

Host = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        envvar=["KF_PIPELINES_ENDPOINT", "KFP_ENDPOINT"],
        rich_help_panel=_SERVER,
        help="Address of Kubeflow Pipelines; on a Kubeflow platform it ends in /pipeline.",
        show_default="that inside the cluster, in a pod",
    ),
]
UiHost = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        envvar="KF_PIPELINES_UI_ENDPOINT",
        rich_help_panel=_SERVER,
        help="Address of the pages, for the links.",
        show_default="that of --host",
    ),
]
Namespace = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        envvar="KFP_NAMESPACE",
        rich_help_panel=_SERVER,
        help="Your namespace, on a platform with several users.",
        show_default="the pod's, in a pod of such a platform",
    ),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        envvar="KF_PIPELINES_SA_TOKEN_PATH",
        rich_help_panel=_SERVER,
        help="File with a bearer token; read anew for every request. The environment variable "
        "KFP_EXISTING_TOKEN may hold the token itself.",
        show_default="the service account's, in a pod",
    ),
]
CookieFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        rich_help_panel=_SERVER,
        help="File with the cookie of a session, name=value, for a platform that takes no tokens.",
        show_default=False,
    ),
]
CaCert = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        rich_help_panel=_SERVER,
        help="Certificates of trusted authorities (PEM).",
        show_default="SSL_CERT_FILE, or those of certifi",
    ),
]
Timeout = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        min=0,
        rich_help_panel=_WAITING,
        help="Longest time to wait. The run goes on.",
        show_default="no limit",
    ),
]
Poll = Annotated[
    float,
    typer.Option(
        metavar="SECONDS", min=0.05, max=3600, rich_help_panel=_WAITING, help="Time between two looks."
    ),
]
RetryFor = Annotated[
    float,
    typer.Option(
        metavar="SECONDS",
        min=0,
        rich_help_panel=_WAITING,
        help="How long a server that does not answer is asked again.",
    ),
]


def make_access(
    host: str | None,
    ui_host: str | None,
    namespace: str | None,
    token_file: Path | None,
    cookie_file: Path | None,
    ca_cert: Path | None,
) -> "Access":
    """Check the options of the server; raises `kubeflow.submit.errors.SubmitError`."""
    from kubeflow.submit.access import Access, find_certificates, parse_host, read_cookie
    from kubeflow.submit.token import find_token

    return Access(
        parse_host(host),
        (namespace or "").strip(),
        find_token(token_file),
        read_cookie(cookie_file),
        find_certificates(ca_cert),
        parse_host(ui_host, "--ui-host") if ui_host else "",
    )


def connect(console: Console, access: "Access") -> "Pipelines":
    """Connect to the API."""
    from kubeflow.submit.api import Pipelines
    from report.terminal import say

    if access.is_open:
        say(console, "note", f"token or cookie go to {access.host} without encryption", is_path=True)
    pipelines = Pipelines(access)
    with console.status(f"asking {access.host}"):
        pipelines.connect()
    return pipelines


def follow_run(
    console: Console, pipelines: "Pipelines", run_id: str, names: tuple[str, ...], patience: "Patience"
) -> ExitStatus:
    """Show a run until it has ended, and return the exit status.

    However this ends, the user is told how to come back to a run that goes on.

    Raises
    ------
    InputError
        If the server refuses.
    """
    from kubeflow.submit.errors import NotFollowedError, SubmitError
    from kubeflow.submit.follow import follow
    from kubeflow.submit.show import show
    from report.terminal import say

    back = f"the run goes on; follow it with: {_command(pipelines.access, run_id)}"

    def notify(message: str) -> None:
        say(console, "note", message, is_path=True)

    try:
        last = show(console, follow(pipelines, run_id, names, patience, notify))
    except KeyboardInterrupt:
        print(f"galmorph: interrupted; {back}", file=sys.stderr)
        return ExitStatus.INTERRUPTED
    except NotFollowedError as error:
        print(f"galmorph: {error}; {back}", file=sys.stderr)
        return ExitStatus.FAULT
    except SubmitError as error:
        raise InputError(f"{error}; {back}") from error
    return _tell(console, pipelines.access, run_id, last)


def _tell(console: Console, access: "Access", run_id: str, last: "Look") -> ExitStatus:
    from kubeflow.submit.nodes import State
    from kubeflow.submit.outcome import End
    from kubeflow.submit.show import duration
    from report.terminal import say

    ended = last.outcome
    assert ended is not None  # the last look has one
    counts = {state: sum(node.state is state for node in last.nodes) for state in State}
    shown = ", ".join(f"{number} {state.value}" for state, number in counts.items() if number)
    say(console, "nodes", shown or "none")
    if last.run.created_at and last.run.finished_at and last.run.finished_at > last.run.created_at:
        say(console, "time", duration((last.run.finished_at - last.run.created_at).total_seconds()))
    if ended.end is End.SUCCEEDED:
        say(console, "run", "succeeded")
        return ExitStatus.DONE
    print(f"galmorph: {ended.reason} ({access.run_link(run_id)})", file=sys.stderr)
    if ended.end is End.REFUSED:
        return ExitStatus.NOT_GOOD_ENOUGH
    if ended.end is End.FAILED:
        namespace = f" -n {access.namespace or 'kubeflow'}"
        pods = f"kubectl get pods{namespace} -l pipeline/runid={run_id} --field-selector=status.phase=Failed"
        say(console, "failed pods", pods, is_path=True)
        say(console, "their logs", f"kubectl logs{namespace} POD -c main", is_path=True)
    return ExitStatus.FAULT


def _command(access: "Access", run_id: str) -> str:
    """Return the command that follows a run; a token in the environment is taken from there again."""
    import shlex

    words = ["galmorph", "kubeflow", "wait", run_id, "--host", access.host]
    if access.namespace:
        words += ["--namespace", access.namespace]
    if access.token is not None and access.token.source.startswith("--token-file"):
        words += ["--token-file", str(access.token.file)]
    if access.ca_cert is not None:
        words += ["--ca-cert", str(access.ca_cert)]
    return shlex.join(words)
