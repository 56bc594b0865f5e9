"""The TFX pipeline: its components and how they are connected."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# TFX must come first: it replaces a part of tfx-bsl that TFDV imports and that is no longer shipped.
import tfx  # noqa: F401  # isort: skip
import tensorflow_data_validation as tfdv
from ml_metadata.proto import metadata_store_pb2

# Not from tfx.v1: that loads Google Cloud's client libraries, a quarter of the start-up time.
from tfx.components import ExampleValidator, InfraValidator, StatisticsGen, Trainer, Transform
from tfx.dsl.components.base.base_node import BaseNode
from tfx.dsl.components.common.resolver import Resolver
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import infra_validator_pb2
from tfx.proto.pusher_pb2 import PushDestination
from tfx.proto.trainer_pb2 import EvalArgs, TrainArgs
from tfx.proto.transform_pb2 import SplitsConfig
from tfx.types.channel import BaseChannel, Channel
from tfx.types.standard_artifacts import Model, ModelBlessing, PushedModel

from components.anomaly_gate.component import AnomalyGate
from components.atomic_pusher.component import AtomicPusher
from components.cross_validation.component import CrossValidation
from components.example_schema.component import ExampleSchema
from components.feature_extractor.component import FeatureExtractor
from components.fits_example_gen.component import FitsExampleGen
from components.fold_exporter.component import FoldExporter
from components.fold_trainer.component import FoldTrainer
from components.head_trainer.component import HeadTrainer
from components.held_out_reference.component import HeldOutReference
from components.incumbent_resolver.strategy import IncumbentStrategy
from components.model_card.component import ModelCard
from components.model_evaluator.component import ModelEvaluator
from components.morphology_report.component import MorphologyReport
from components.picture_gate.component import PictureGate
from components.prediction_gen.component import PredictionGen
from components.serving_validator.component import ServingValidator
from pipeline.config import Settings
from pipeline.fingerprint import code_fingerprint
from preprocessing.features import TEST, TRAIN, VALIDATION, scalar_features
from trainer.recipe import Recipe
from trainer.settings import CrossValidationSettings, ModelSettings, TrainSettings


@dataclass(frozen=True)
class Place:
    """Everything that depends on the platform where a pipeline runs.

    Attributes
    ----------
    root : str
        Folder or bucket of the artifacts.
    push_directory : str
    beam_args : sequence of str
    metadata : metadata_store_pb2.ConnectionConfig or None
        None if the platform has its own metadata store.
    resolve_incumbent : bool
        Whether the platform runs TFX's Resolver (open-source Kubeflow Pipelines does not).
    scratch : str
        Folder that survives a killed run, for checkpoints and for cached features of the backbone; empty if
        the platform has none.
    """

    root: str
    push_directory: str
    beam_args: Sequence[str]
    metadata: metadata_store_pb2.ConnectionConfig | None = None
    resolve_incumbent: bool = True
    scratch: str = ""

    @property
    def checkpoints(self) -> str:
        """Folder of the checkpoints from which a killed training is resumed; empty without `scratch`."""
        return f"{self.scratch}/checkpoints" if self.scratch else ""


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
    data = _data(settings, fingerprint)
    folds = _folds(settings, data, place)
    candidate = _candidate(settings, data, folds, place)
    judged = _judgement(settings, fingerprint, data, folds, candidate, place)
    return _pipeline(settings, place, [*data.nodes, *folds.nodes, *candidate.nodes, *judged])


def create_cross_validation(settings: Settings, fingerprint: str, place: Place) -> Pipeline:
    """Return the pipeline of one point of a sweep, which ends with the summary of the cross-validation.

    Parameters and return value are those of `create_pipeline`.
    """
    data = _data(settings, fingerprint)
    folds = _folds(settings, data, place)
    return _pipeline(settings, place, [*data.nodes, *folds.nodes])


def create_training(settings: Settings, fingerprint: str, place: Place) -> Pipeline:
    """Return the pipeline of a pretraining, which ends with the Trainer.

    Parameters and return value are those of `create_pipeline`.
    """
    data = _data(settings, fingerprint)
    features = _features(settings, data, place)
    candidate = _trainer(settings, data, _Folds(features, features, [], None), place)
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


@dataclass(frozen=True)
class _Data:
    """The nodes from stamps to pictures, and their outputs."""

    nodes: list[BaseNode]
    examples: BaseChannel
    ingest_account: BaseChannel
    pictures: BaseChannel
    graph: BaseChannel
    looked: BaseNode

    def before(self, *learning: BaseNode) -> None:
        """Let nodes that train on the pictures wait until the pictures have been checked."""
        for node in learning:
            node.add_upstream_node(self.looked)


def _data(settings: Settings, fingerprint: str) -> _Data:
    bands = settings.example_bands
    example_gen = FitsExampleGen(
        data=settings.data.with_resolved(bands, settings.example_side),
        split=settings.split,
        bands=bands,
        side=settings.example_side,
        fingerprint=fingerprint,
        code=code_fingerprint("FitsExampleGen"),
    )
    examples = example_gen.outputs["examples"]
    statistics = StatisticsGen(
        examples=examples,
        # Statistics of pixels would cost more than the training and are of no use.
        stats_options=tfdv.StatsOptions(feature_allowlist=scalar_features(bands)),
    )
    schema = ExampleSchema(bands=json.dumps(bands), code=code_fingerprint("ExampleSchema"))
    validator = ExampleValidator(statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"])
    gate = AnomalyGate(anomalies=validator.outputs["anomalies"], code=code_fingerprint("AnomalyGate"))
    transform = Transform(
        examples=examples,
        schema=schema.outputs["schema"],
        preprocessing_fn="preprocessing.transform.preprocessing_fn",
        splits_config=SplitsConfig(analyze=[TRAIN], transform=[TRAIN, VALIDATION]),
        custom_config={
            "image": settings.image.model_dump(mode="json"),
            "code": code_fingerprint("Transform"),
        },
        disable_statistics=True,  # of PNG bytes
    )
    transform.add_upstream_node(gate)
    pictures = transform.outputs["transformed_examples"]
    looked = PictureGate(examples=pictures, code=code_fingerprint("PictureGate"))
    return _Data(
        [example_gen, statistics, schema, validator, gate, transform, looked],
        examples,
        example_gen.outputs["account"],
        pictures,
        transform.outputs["transform_graph"],
        looked,
    )


def _features(settings: Settings, data: _Data, place: Place) -> list[BaseNode]:
    """Return the node that computes features of the frozen backbone, if the head is trained on its own."""
    train = settings.train
    if not train.epochs:
        return []
    # Only what features depend on, so that another learning rate is still a cache hit.
    asked = {name: getattr(train, name) for name in ("batch_size", "mixed_precision")}
    asked["views"] = settings.recipe.feature_views
    if settings.model.weights == "none":
        asked["seed"] = train.seed
    backbone = settings.model.model_dump(include={"backbone", "weights", "weights_sha256"})
    recipe = Recipe(
        settings.image, ModelSettings(**backbone), TrainSettings(**asked), CrossValidationSettings()
    )
    node = FeatureExtractor(
        examples=data.pictures,
        recipe=_json(recipe.dump()),
        cache=f"{place.scratch}/features" if place.scratch else "",
        code=code_fingerprint("FeatureExtractor"),
    )
    data.before(node)
    return [node]


@dataclass(frozen=True)
class _Folds:
    """The nodes of the cross-validation, and their outputs."""

    nodes: list[BaseNode]
    features: list[BaseNode]
    models: list[BaseChannel]
    summary: BaseChannel | None


def _folds(settings: Settings, data: _Data, place: Place) -> _Folds:
    features = _features(settings, data, place)
    if settings.cross_validation.trained(settings.train) == "none":
        return _Folds(features, features, [], None)
    recipe = _uncalibrated(settings.recipe)
    # Settings of the published model alone must not train the folds again.
    recipe["cross_validation"]["publish"] = "single"
    trainers = [
        FoldTrainer(
            examples=data.pictures,
            **({"features": features[0].outputs["features"]} if features else {}),
            fold=fold,
            recipe=_json(recipe),
            checkpoints=place.checkpoints,
            code=code_fingerprint("FoldTrainer"),
        ).with_id(f"FoldTrainer-{fold}")
        for fold in range(settings.split.folds)
    ]
    data.before(*trainers)
    models = [trainer.outputs["model"] for trainer in trainers]
    summary = CrossValidation(folds=models, code=code_fingerprint("CrossValidation"))
    return _Folds([*features, *trainers, summary], features, models, summary.outputs["summary"])


@dataclass(frozen=True)
class _Candidate:
    """The nodes that make the candidate for publication, and its weights in the format of Keras."""

    nodes: list[BaseNode]
    model: BaseChannel
    weights: dict[str, BaseChannel]


def _candidate(settings: Settings, data: _Data, folds: _Folds, place: Place) -> _Candidate:
    if settings.cross_validation.publish in ("single", "retrained"):
        return _trainer(settings, data, folds, place)
    node = FoldExporter(
        examples=data.pictures,
        folds=folds.models,
        config=_json(_training_config(settings)),
        code=code_fingerprint("FoldExporter"),
    )
    return _Candidate([node], node.outputs["model"], {"fold_model": node.outputs["fold"]})


def _trainer(settings: Settings, data: _Data, folds: _Folds, place: Place) -> _Candidate:
    heads = [
        HeadTrainer(
            features=node.outputs["features"],
            recipe=_json(_uncalibrated(settings.recipe)),
            code=code_fingerprint("HeadTrainer"),
        )
        for node in folds.features
    ]
    references = _references(settings, data, folds)
    trainer = Trainer(
        run_fn="trainer.train.run_fn",
        examples=data.pictures,
        transform_graph=data.graph,
        base_model=heads[0].outputs["head"] if heads else None,
        hyperparameters=references[0].outputs["reference"] if references else None,
        train_args=TrainArgs(splits=[TRAIN]),
        eval_args=EvalArgs(splits=[VALIDATION]),
        custom_config={
            **_training_config(settings),
            "checkpoints": place.checkpoints,
            "code": code_fingerprint("Trainer"),
        },
    )
    data.before(trainer)
    weights = {"model_run": trainer.outputs["model_run"]}
    return _Candidate([*heads, *references, trainer], trainer.outputs["model"], weights)


def _references(settings: Settings, data: _Data, folds: _Folds) -> list[BaseNode]:
    """Return the node that measures held-out galaxies for a model that has learned from all of them."""
    if settings.cross_validation.publish != "retrained" or not folds.models:
        return []
    return [
        HeldOutReference(
            examples=data.pictures,
            model=folds.models[0],
            recipe=_json(_uncalibrated(settings.recipe)),
            code=code_fingerprint("HeldOutReference"),
        )
    ]


def _uncalibrated(recipe: Recipe) -> dict[str, Any]:
    """Return the recipe without temperature scaling, for nodes whose training does not depend on it."""
    tables = recipe.dump()
    tables["model"]["calibration"] = "none"
    return tables


def _training_config(settings: Settings) -> dict[str, Any]:
    return {
        **settings.recipe.dump(),
        # The other keys concern the report only and must not train a model again.
        "decision": settings.decision.model_dump(mode="json", include={"uncertain"}),
        "flux": settings.data.flux,
        "limits": settings.data.limits,
        "chunk": settings.serving.chunk,
    }


def _judgement(
    settings: Settings, fingerprint: str, data: _Data, folds: _Folds, candidate: _Candidate, place: Place
) -> list[BaseNode]:
    nodes: list[BaseNode] = []
    incumbent = None
    if place.resolve_incumbent:
        resolver = Resolver(
            strategy_class=IncumbentStrategy,
            model=Channel(type=Model),
            model_blessing=Channel(type=ModelBlessing),
            pushed_model=Channel(type=PushedModel),
            candidate=candidate.model,
        ).with_id("IncumbentResolver")
        incumbent = resolver.outputs["model"]
        nodes.append(resolver)
    bands, flux = json.dumps(settings.example_bands), _json(settings.data.flux)
    answers = PredictionGen(
        examples=data.examples,
        model=candidate.model,
        bands=bands,
        flux=flux,
        splits="[]",
        code=code_fingerprint("PredictionGen"),
    )
    nodes.append(answers)
    published: dict[str, BaseChannel] = {}
    if incumbent is not None:
        theirs = PredictionGen(
            examples=data.examples,
            model=incumbent,
            bands=bands,
            flux=flux,
            splits=json.dumps([TEST]),
            code=code_fingerprint("IncumbentPredictionGen"),
        ).with_id("IncumbentPredictionGen")
        nodes.append(theirs)
        published = {"baseline_model": incumbent, "baseline_predictions": theirs.outputs["predictions"]}
    evaluator = ModelEvaluator(
        model=candidate.model,
        predictions=answers.outputs["predictions"],
        gate=settings.gate,
        code=code_fingerprint("Evaluator"),
        **published,
    ).with_id("Evaluator")
    tried = _served(settings, data, candidate, answers, evaluator)
    infra_blessing = {"infra_blessing": tried[0].outputs["blessing"]} if tried else {}
    findings: dict[str, Any] = {
        "examples": data.examples,
        "ingest_account": data.ingest_account,
        "model": candidate.model,
        "predictions": answers.outputs["predictions"],
        "evaluation": evaluator.outputs["evaluation"],
        "blessing": evaluator.outputs["blessing"],
        "run_name": settings.pipeline.name,
        # Everything except paths.
        "settings": _json(settings.model_dump(mode="json", exclude={"pipeline", "push"})),
        "fingerprint": fingerprint,
        **({"cross_validation": folds.summary} if folds.summary is not None else {}),
        **infra_blessing,
    }
    card = ModelCard(**findings, code=code_fingerprint("ModelCard"))
    pusher = AtomicPusher(
        model=candidate.model,
        model_blessing=evaluator.outputs["blessing"],
        model_card=card.outputs["card"],
        push_destination=PushDestination(
            filesystem=PushDestination.Filesystem(base_directory=place.push_directory)
        ),
        code=code_fingerprint("Pusher"),
        **infra_blessing,
    ).with_id("Pusher")
    report = MorphologyReport(
        **findings,
        **candidate.weights,
        card=card.outputs["card"],
        pushed_model=pusher.outputs["pushed_model"],
        bands=bands,
        code=code_fingerprint("MorphologyReport"),
    )
    return [*nodes, evaluator, *tried, card, pusher, report]


def _served(
    settings: Settings, data: _Data, candidate: _Candidate, answers: BaseNode, evaluator: BaseNode
) -> list[BaseNode]:
    """Return the node that tries the candidate in a server, if one is asked for."""
    asked = settings.serving
    if asked.validator == "none":
        return []
    if asked.validator == "process":
        node = ServingValidator(
            examples=data.examples,
            model=candidate.model,
            predictions=answers.outputs["predictions"],
            model_blessing=evaluator.outputs["blessing"],
            timeout=asked.timeout,
            code=code_fingerprint("ServingValidator"),
        )
        return [node]
    node = InfraValidator(
        model=candidate.model,
        examples=data.examples,
        serving_spec=infra_validator_pb2.ServingSpec(
            tensorflow_serving=infra_validator_pb2.TensorFlowServing(tags=[asked.image_tag]),
            local_docker=infra_validator_pb2.LocalDockerConfig(),
            model_name="galmorph",
        ),
        validation_spec=infra_validator_pb2.ValidationSpec(max_loading_time_seconds=asked.timeout),
        request_spec=infra_validator_pb2.RequestSpec(
            tensorflow_serving=infra_validator_pb2.TensorFlowServingRequestSpec(
                signature_names=["serving_default"]
            ),
            split_name=TEST,
            num_examples=8,
        ),
    )
    node.add_upstream_node(evaluator)
    return [node]


def _json(tables: dict[str, Any]) -> str:
    return json.dumps(tables, sort_keys=True)
