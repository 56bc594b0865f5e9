"""The nodes that train: features, folds and the candidate for publication."""

from dataclasses import dataclass

from tfx.components import Trainer
from tfx.dsl.components.base.base_node import BaseNode
from tfx.proto.trainer_pb2 import EvalArgs, TrainArgs
from tfx.types.channel import BaseChannel

from components.cross_validation.component import CrossValidation
from components.feature_extractor.component import FeatureExtractor
from components.fold_exporter.component import FoldExporter
from components.fold_trainer.component import FoldTrainer
from components.head_trainer.component import HeadTrainer
from components.held_out_reference.component import HeldOutReference
from pipeline.config import Settings
from pipeline.fingerprint import code_fingerprint
from pipeline.nodes.common import Place, set_custom_config
from pipeline.nodes.data import DataNodes
from pipeline.nodes.values import TRAINED, NodeValues
from preprocessing.features import TRAIN, VALIDATION


def feature_nodes(settings: Settings, values: NodeValues, data: DataNodes, place: Place) -> list[BaseNode]:
    """Return the node that computes features of the frozen backbone, if the head is trained on its own."""
    if not settings.train.epochs:
        return []
    node = FeatureExtractor(
        examples=data.pictures,
        recipe=values.features,
        cache=f"{place.scratch}/features" if place.scratch else "",
        code=code_fingerprint("FeatureExtractor"),
    )
    data.before(node)
    return [node]


@dataclass(frozen=True)
class FoldNodes:
    """The nodes of the cross-validation, and their outputs."""

    nodes: list[BaseNode]
    features: list[BaseNode]
    models: list[BaseChannel]
    summary: BaseChannel | None


def fold_nodes(settings: Settings, values: NodeValues, data: DataNodes, place: Place) -> FoldNodes:
    """Return the nodes of the cross-validation, or only those of the features if no fold is trained."""
    features = feature_nodes(settings, values, data, place)
    if settings.cross_validation.trained(settings.train) == "none":
        return FoldNodes(features, features, [], None)
    trainers = [
        FoldTrainer(
            examples=data.pictures,
            **({"features": features[0].outputs["features"]} if features else {}),
            fold=fold,
            recipe=values.folds,
            checkpoints=place.checkpoints,
            code=code_fingerprint("FoldTrainer"),
        ).with_id(f"FoldTrainer-{fold}")
        for fold in range(settings.split.folds)
    ]
    data.before(*trainers)
    models = [trainer.outputs["model"] for trainer in trainers]
    summary = CrossValidation(folds=models, code=code_fingerprint("CrossValidation"))
    return FoldNodes([*features, *trainers, summary], features, models, summary.outputs["summary"])


@dataclass(frozen=True)
class CandidateNodes:
    """The nodes that make the candidate for publication, and its weights in the format of Keras."""

    nodes: list[BaseNode]
    model: BaseChannel
    weights: dict[str, BaseChannel]


def candidate_nodes(
    settings: Settings, values: NodeValues, data: DataNodes, folds: FoldNodes
) -> CandidateNodes:
    """Return the nodes that make the model to be judged, by `[cross_validation] publish`."""
    if settings.cross_validation.publish in TRAINED:
        return trainer_nodes(settings, values, data, folds)
    node = FoldExporter(
        examples=data.pictures,
        folds=folds.models,
        config=values.candidate,
        code=code_fingerprint("FoldExporter"),
    )
    return CandidateNodes([node], node.outputs["model"], {"fold_model": node.outputs["fold"]})


def trainer_nodes(
    settings: Settings, values: NodeValues, data: DataNodes, folds: FoldNodes
) -> CandidateNodes:
    """Return the nodes that train one network on the training split, or on training and validation."""
    heads = [
        HeadTrainer(
            features=node.outputs["features"],
            recipe=values.head,
            code=code_fingerprint("HeadTrainer"),
        )
        for node in folds.features
    ]
    references = _references(settings, values, data, folds)
    trainer = Trainer(
        run_fn="trainer.train.run_fn",
        examples=data.pictures,
        transform_graph=data.graph,
        base_model=heads[0].outputs["head"] if heads else None,
        hyperparameters=references[0].outputs["reference"] if references else None,
        train_args=TrainArgs(splits=[TRAIN]),
        eval_args=EvalArgs(splits=[VALIDATION]),
    )
    set_custom_config(trainer, values.candidate)
    data.before(trainer)
    weights = {"model_run": trainer.outputs["model_run"]}
    return CandidateNodes([*heads, *references, trainer], trainer.outputs["model"], weights)


def _references(settings: Settings, values: NodeValues, data: DataNodes, folds: FoldNodes) -> list[BaseNode]:
    """Return the node that measures held-out galaxies for a model that has learned from all of them."""
    if settings.cross_validation.publish != "retrained" or folds.summary is None:
        return []
    return [
        HeldOutReference(
            examples=data.pictures,
            model=folds.models[0],
            summary=folds.summary,
            recipe=values.head,
            code=code_fingerprint("HeldOutReference"),
        )
    ]
