"""The verbs of `galmorph kubeflow`."""

import typer

from pipeline.commands.kubeflow_submit import submit
from pipeline.commands.kubeflow_wait import wait

app = typer.Typer(
    help="Run the pipeline on Kubeflow Pipelines: submit a compiled pipeline (submit), follow a run (wait).",
    no_args_is_help=True,
)
app.command()(submit)
app.command()(wait)
