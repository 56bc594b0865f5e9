"""`galmorph kubeflow`: the pipeline on Kubeflow Pipelines."""

import typer

from pipeline.commands.kubeflow_compile import compile_for_kubeflow

app = typer.Typer(help="Run the pipeline on Kubeflow Pipelines.", no_args_is_help=True)
app.command("compile")(compile_for_kubeflow)
