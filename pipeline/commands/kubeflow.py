"""The verbs of `galmorph kubeflow`."""

import typer

from pipeline.commands.kubeflow_compile import compile_for_kubeflow
from pipeline.commands.kubeflow_submit import submit
from pipeline.commands.kubeflow_wait import wait

app = typer.Typer(
    help="Run the pipeline on Kubeflow Pipelines: compile it, submit it, follow a run (wait).",
    no_args_is_help=True,
)
app.command("compile")(compile_for_kubeflow)
app.command()(submit)
app.command()(wait)
