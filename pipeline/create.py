"""The TFX pipelines: of a run, of a point of a sweep, of a pretraining."""

from collections.abc import Sequence

from tfx.dsl.components.base.base_node import BaseNode
from tfx.orchestration.pipeline import Pipeline

from pipeline.config import Settings
from pipeline.nodes.common import Place
from pipeline.nodes.data import data_nodes
from pipeline.nodes.judgement import judgement_nodes
from pipeline.nodes.training import FoldNodes, candidate_nodes, feature_nodes, fold_nodes, trainer_nodes
from pipeline.nodes.values import NodeValues, node_values


def create_pipeline(settings: Settings, fingerprint: str, place: Place) -> Pipeline:
    """Return the whole pipeline.

    Parameters
    ----------
    settings : Settings
    fingerprint : str
        Fingerprint of label table and stamps (`pipeline.preflight.check_before_run`).
    place : Place

    Returns
    -------
    tfx.orchestration.pipeline.Pipeline
        Nodes in topological order. Nothing is read or run.
    """
    values = node_values(settings, fingerprint, place.checkpoints)
    return _pipeline(settings, place, pipeline_nodes(settings, values, place))


def pipeline_nodes(settings: Settings, values: NodeValues, place: Place) -> list[BaseNode]:
    """Return the nodes of the whole pipeline.

    Parameters
    ----------
    settings : Settings
        They decide which nodes there are.
    values : NodeValues
        They decide what the nodes do.
    place : Place

    Returns
    -------
    list of BaseNode
        In topological order.
    """
    data = data_nodes(settings, values)
    folds = fold_nodes(settings, values, data, place)
    candidate = candidate_nodes(settings, values, data, folds)
    judged = judgement_nodes(settings, values, data, folds, candidate, place)
    return [*data.nodes, *folds.nodes, *candidate.nodes, *judged]


def create_cross_validation(settings: Settings, fingerprint: str, place: Place) -> Pipeline:
    """Return the pipeline of one point of a sweep, which ends with the summary of the cross-validation.

    Parameters and return value are those of `create_pipeline`.
    """
    values = node_values(settings, fingerprint, place.checkpoints)
    data = data_nodes(settings, values)
    folds = fold_nodes(settings, values, data, place)
    return _pipeline(settings, place, [*data.nodes, *folds.nodes])


def create_training(settings: Settings, fingerprint: str, place: Place) -> Pipeline:
    """Return the pipeline of a pretraining, which ends with the Trainer.

    Parameters and return value are those of `create_pipeline`.
    """
    values = node_values(settings, fingerprint, place.checkpoints)
    data = data_nodes(settings, values)
    features = feature_nodes(settings, values, data, place)
    candidate = trainer_nodes(settings, values, data, FoldNodes(features, features, [], None))
    return _pipeline(settings, place, [*data.nodes, *features, *candidate.nodes])


def _pipeline(settings: Settings, place: Place, nodes: Sequence[BaseNode]) -> Pipeline:
    return Pipeline(
        pipeline_name=settings.pipeline.name,
        pipeline_root=place.root,
        components=list(nodes),
        enable_cache=True,
        metadata_connection_config=place.metadata,
        beam_pipeline_args=list(place.beam_args),
    )
