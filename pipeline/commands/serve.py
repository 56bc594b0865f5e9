"""`galmorph serve`: answer requests for classes with a published model."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console


def serve(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL_DIR", help="The folder of \\[push] directory, or that of one version in it."
        ),
    ],
    rest_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the REST interface and the page; 0 for a free one.")
    ] = 8501,
    grpc_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the gRPC interface; 0 for a free one.")
    ] = 8500,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    embedded: Annotated[
        bool, typer.Option("--embedded", help="Start the embedded server also where TF Serving is found.")
    ] = False,
    stamps: Annotated[
        str | None,
        typer.Option(
            metavar="TEMPLATE",
            help="Stamps whose names can be typed on the page, such as stamps/{name}_{band}.fits "
            "(embedded server only).",
        ),
    ] = None,
    canary: Annotated[
        bool,
        typer.Option(
            "--canary",
            help="Serve the two newest versions, under the labels canary and stable (embedded server only).",
        ),
    ] = False,
    poll: Annotated[
        float,
        typer.Option(
            min=0.1, help="Seconds between two looks for new and withdrawn versions (embedded server only)."
        ),
    ] = 2.0,
    image: Annotated[
        str, typer.Option(help="Docker image of TF Serving, used where Docker runs.")
    ] = "tensorflow/serving:2.20.0",
) -> None:
    """Serve a published model by TF Serving or, where there is none, by a small server of galmorph.

    TF Serving is looked for as TF_SERVING_BIN, as tensorflow_model_server on the PATH, and in Docker. New
    versions are loaded while the server runs. Ctrl-C ends it.
    """
    from pipeline.serve import ServeOptions, serve_model

    options = ServeOptions(
        model=model,
        rest_port=rest_port,
        grpc_port=grpc_port,
        host=host,
        embedded=embedded,
        stamps=stamps,
        canary=canary,
        poll=poll,
        image=image,
    )
    serve_model(options, Console())
