"""`galmorph kubeflow compile`: write the pipeline as Kubeflow Pipelines takes it."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.options import Config, Overrides


def compile_for_kubeflow(
    config: Config,
    image: Annotated[str, typer.Option(help="Container image of the pods, with a tag or digest.")],
    output: Annotated[Path, typer.Option(help="YAML file to be written.")],
    overrides: Overrides = None,
) -> None:
    r"""Compile the pipeline of a configuration for Kubeflow Pipelines.

    The configuration decides which nodes there are, and has the defaults of a
    run's parameters. Its paths are those in the pods: under a volume of
    \[kubeflow] volumes, or in an object store.

    Example:
    galmorph kubeflow compile configs/kubeflow.toml --image r.example/galmorph:1.0
    --output pipeline.yaml
    """
    from rich.console import Console

    from kubeflow.checks import absent_nodes, check_for_pods
    from pipeline.config import load_settings
    from pipeline.display import show_warnings
    from pipeline.errors import InputError
    from preprocessing.paths import unwritable_folder
    from preprocessing.whole_files import write_whole
    from serving.predict.quiet import without_native_messages

    settings = load_settings(config, overrides or ())
    console = Console()
    if output.suffix not in (".yaml", ".yml"):
        raise InputError(f"--output {output}: the name must end in .yaml")
    if problem := unwritable_folder(output.absolute().parent):
        raise InputError(f"--output {output}: {output.absolute().parent} {problem}")
    show_warnings(console, check_for_pods(settings, image))
    with console.status("loading TFX and compiling"), without_native_messages():
        from kubeflow.compile import compile_pipeline, to_yaml

        documents = compile_pipeline(settings, image)
    try:
        write_whole(output, to_yaml(documents))
    except OSError as error:
        raise InputError(f"--output {output}: {error.strerror}") from error
    tasks = documents[0]["root"]["dag"]["tasks"]
    show_warnings(console, absent_nodes(settings, tasks))
    parameters = documents[0]["root"]["inputDefinitions"]["parameters"]
    console.print(f"{output}: {len(tasks)} nodes, {len(parameters)} parameters of a run", highlight=False)
