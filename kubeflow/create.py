"""The pipeline as Kubeflow Pipelines runs it."""

import json

from tfx.dsl.components.base.base_node import BaseNode
from tfx.orchestration.data_types import RuntimeParameter
from tfx.orchestration.pipeline import Pipeline

from kubeflow.names import PUBLICATION_GATE
from kubeflow.nodes.incumbent import Incumbent
from kubeflow.nodes.kubeflow_report import KubeflowReport
from kubeflow.nodes.publication_gate import PublicationGate
from kubeflow.nodes.run_settings import RunSettings
from kubeflow.run_parameters import run_parameters
from pipeline.config import Settings
from pipeline.create import pipeline_nodes
from pipeline.fingerprint import code_fingerprint
from pipeline.nodes.common import Place
from pipeline.nodes.values import NodeValues

_ROOT = "/tmp"
"""In place of `[pipeline] root`, a folder of this machine that the pods' user may not be allowed to make."""


def create_kubeflow_pipeline(settings: Settings) -> Pipeline:
    """Return the whole pipeline, whose nodes get their parameters from the node RunSettings.

    Parameters
    ----------
    settings : Settings
        They decide which nodes there are, and are the defaults of the parameters of a run.

    Returns
    -------
    tfx.orchestration.pipeline.Pipeline
    """
    parameters = {
        each.name: RuntimeParameter(each.name, each.type, each.default) for each in run_parameters(settings)
    }
    tables = settings.model_dump(mode="json")
    tables["pipeline"]["root"] = _ROOT
    run = RunSettings(compiled=json.dumps(tables, sort_keys=True), **parameters)
    handed = {name: run.outputs[name].future()[0].value for name in (*NodeValues.names(), "incumbent")}
    incumbent = Incumbent(published=handed.pop("incumbent"), code=code_fingerprint("Incumbent"))
    place = Place(root="", beam_args=settings.pipeline.beam_args, incumbent=incumbent.outputs["model"])
    nodes = pipeline_nodes(settings, NodeValues(**handed), place)
    return Pipeline(
        pipeline_name=settings.pipeline.name,
        pipeline_root="",  # given with each run
        components=[run, incumbent, *nodes, *_published(nodes)],
        enable_cache=True,
        beam_pipeline_args=list(place.beam_args),
    )


def _published(nodes: list[BaseNode]) -> list[BaseNode]:
    """Return the nodes after the report: what the user interface shows, and the verdict."""
    report = next(node for node in nodes if node.id == "MorphologyReport").outputs["report"]
    shown = KubeflowReport(report=report, code=code_fingerprint("KubeflowReport"))
    gate = PublicationGate(report=report, code=code_fingerprint("PublicationGate")).with_id(PUBLICATION_GATE)
    gate.add_upstream_node(shown)
    return [shown, gate]
