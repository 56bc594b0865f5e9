"""Run the executor of FitsExampleGen in this process, as the pipeline does."""

import json
import resource
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def run_example_gen(folder: Path, bands: Sequence[str], side: int) -> tuple[float, int, dict[str, Any]]:
    """Ingest ``labels.csv`` and ``{band}/{name}_{band}.fits`` of a folder with the default settings of a run.

    Returns
    -------
    seconds : float
        Time without imports.
    before : int
        Peak resident memory before the ingest [bytes].
    report : dict
        Content of ``ingest.json``.
    """
    from tfx.types import standard_artifacts

    from components.artifacts import IngestAccount
    from components.fits_example_gen.component import FitsExampleGen
    from pipeline.config import PipelineSettings
    from preprocessing.data_settings import DataSettings, SplitSettings, ingest_parameter

    data = DataSettings(
        labels=str(folder / "labels.csv"), stamps=str(folder / "{band}" / "{name}_{band}.fits")
    )
    component = FitsExampleGen(ingest_parameter(data, SplitSettings(), bands, side), "benchmark", "benchmark")
    outputs = {"examples": [standard_artifacts.Examples()], "account": [IngestAccount()]}
    for key, (artifact,) in outputs.items():
        artifact.uri = str(folder / "out" / key)
    executor = component.executor_spec.executor_class
    beam_args = list(PipelineSettings(root=str(folder)).beam_args)
    context = executor.Context(beam_args, tmp_dir=str(folder / "tmp"), unique_id="1")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    started = time.perf_counter()
    executor(context).Do({}, outputs, component.exec_properties)
    seconds = time.perf_counter() - started
    return seconds, before, json.loads((folder / "out" / "account" / "ingest.json").read_text())
