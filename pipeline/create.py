"""The pipeline: which components, and how they hang together."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

# TFX first: it stands in for a part of tfx-bsl that TFDV imports and that is no longer shipped.
import tfx  # noqa: F401  # isort: skip
import tensorflow_data_validation as tfdv
import tensorflow_model_analysis as tfma
from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.v1.components import (
    Evaluator,
    ExampleValidator,
    Pusher,
    StatisticsGen,
    Trainer,
    Transform,
)
from tfx.v1.dsl import Channel, Pipeline, Resolver
from tfx.v1.proto import EvalArgs, PushDestination, SplitsConfig, TrainArgs
from tfx.v1.types.standard_artifacts import Model, ModelBlessing

from components.anomaly_gate.component import AnomalyGate
from components.atomic_pusher.executor import Executor as AtomicPusher
from components.example_schema.component import ExampleSchema
from components.fits_example_gen.component import FitsExampleGen
from components.incumbent_resolver.strategy import IncumbentStrategy
from components.morphology_report.component import MorphologyReport
from pipeline.config import GateSettings, Settings
from pipeline.fingerprint import code_fingerprint
from preprocessing.features import LABEL, TEST, TRAIN, VALIDATION, scalar_features


@dataclass(frozen=True)
class Place:
    """What differs between one machine and another.

    Attributes
    ----------
    root : str
        Folder or bucket of the artifacts.
    push_directory : str
    beam_args : sequence of str
    metadata : metadata_store_pb2.ConnectionConfig or None
        None where the platform has its own store.
    resolve_incumbent : bool
        Whether the platform runs TFX's Resolver (open-source Kubeflow Pipelines does not).
    """

    root: str
    push_directory: str
    beam_args: Sequence[str]
    metadata: metadata_store_pb2.ConnectionConfig | None = None
    resolve_incumbent: bool = True


def create_pipeline(settings: Settings, fingerprint: str, place: Place) -> Pipeline:
    """Put the pipeline together.

    Parameters
    ----------
    settings : Settings
    fingerprint : str
        Of label table and stamps (`pipeline.preflight.check_before_run`).
    place : Place

    Returns
    -------
    tfx.v1.dsl.Pipeline
        Nodes in the order of DESIGN.md's data flow. Nothing is read or run.
    """
    bands = settings.example_bands
    example_gen = FitsExampleGen(
        data=settings.data,
        split=settings.split,
        bands=bands,
        side=settings.example_side,
        fingerprint=fingerprint,
        code=code_fingerprint("preprocessing", "components/fits_example_gen"),
    )
    examples = example_gen.outputs["examples"]
    statistics = StatisticsGen(
        examples=examples,
        # Statistics of pixels would cost more than the training and say nothing.
        stats_options=tfdv.StatsOptions(feature_allowlist=scalar_features(bands)),
    )
    schema = ExampleSchema(bands=json.dumps(bands), code=code_fingerprint("preprocessing"))
    validator = ExampleValidator(statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"])
    gate = AnomalyGate(anomalies=validator.outputs["anomalies"])
    transform = Transform(
        examples=examples,
        schema=schema.outputs["schema"],
        preprocessing_fn="preprocessing.transform.preprocessing_fn",
        splits_config=SplitsConfig(analyze=[TRAIN], transform=[TRAIN, VALIDATION]),
        custom_config={
            "image": settings.image.model_dump(mode="json"),
            "code": code_fingerprint("preprocessing"),
        },
        disable_statistics=True,  # of PNG bytes
    )
    transform.add_upstream_node(gate)
    trainer = Trainer(
        run_fn="trainer.train.run_fn",
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        train_args=TrainArgs(splits=[TRAIN]),
        eval_args=EvalArgs(splits=[VALIDATION]),
        custom_config={
            "image": settings.image.model_dump(mode="json"),
            "model": settings.model.model_dump(mode="json"),
            "train": settings.train.model_dump(mode="json"),
            "decision": settings.decision.model_dump(mode="json"),
            "flux": settings.data.flux,
            "code": code_fingerprint("preprocessing", "trainer"),
        },
    )
    model = trainer.outputs["model"]
    nodes = [example_gen, statistics, schema, validator, gate, transform, trainer]
    incumbent = None
    if place.resolve_incumbent:
        resolver = Resolver(
            strategy_class=IncumbentStrategy,
            model=Channel(type=Model),
            model_blessing=Channel(type=ModelBlessing),
            candidate=model,
        ).with_id("IncumbentResolver")
        incumbent = resolver.outputs["model"]
        nodes.append(resolver)
    evaluator = Evaluator(
        examples=examples,
        model=model,
        baseline_model=incumbent,
        example_splits=[TEST],
        eval_config=evaluation_config(settings.gate),
    )
    pusher = Pusher(
        model=model,
        model_blessing=evaluator.outputs["blessing"],
        push_destination=PushDestination(
            filesystem=PushDestination.Filesystem(base_directory=place.push_directory)
        ),
        custom_executor_spec=ExecutorClassSpec(AtomicPusher),
    )
    report = MorphologyReport(
        examples=examples,
        ingest_report=example_gen.outputs["report"],
        model=model,
        evaluation=evaluator.outputs["evaluation"],
        blessing=evaluator.outputs["blessing"],
        pushed_model=pusher.outputs["pushed_model"],
        code=code_fingerprint("components/morphology_report"),
    )
    return Pipeline(
        pipeline_name=settings.pipeline.name,
        pipeline_root=place.root,
        components=[*nodes, evaluator, pusher, report],
        enable_cache=True,
        metadata_connection_config=place.metadata,
        beam_pipeline_args=list(place.beam_args),
    )


def evaluation_config(gate: GateSettings) -> tfma.EvalConfig:
    """Return what the Evaluator measures, and the gate.

    Parameters
    ----------
    gate : GateSettings

    Returns
    -------
    tfma.EvalConfig
        Thresholds on accuracy and AUC; accuracy also against the published model, where there is one.
    """
    accuracy = tfma.MetricThreshold(
        value_threshold=tfma.GenericValueThreshold(lower_bound={"value": gate.min_accuracy}),
        change_threshold=tfma.GenericChangeThreshold(
            direction=tfma.MetricDirection.HIGHER_IS_BETTER, absolute={"value": -gate.max_accuracy_drop}
        ),
    )
    auc = tfma.MetricThreshold(
        value_threshold=tfma.GenericValueThreshold(lower_bound={"value": gate.min_auc})
    )
    thresholds = {"BinaryAccuracy": accuracy, "AUC": auc}
    names = (
        "ExampleCount",
        "BinaryAccuracy",
        "AUC",
        "AUCPrecisionRecall",
        "Precision",
        "Recall",
        "BinaryCrossEntropy",
        "CalibrationPlot",
        "ConfusionMatrixPlot",
    )
    metrics = [tfma.MetricConfig(class_name=name, threshold=thresholds.get(name)) for name in names]
    model = tfma.ModelSpec(signature_name="serving_default", prediction_key="p_elliptical", label_key=LABEL)
    return tfma.EvalConfig(
        model_specs=[model],
        slicing_specs=[tfma.SlicingSpec()],
        metrics_specs=[tfma.MetricsSpec(metrics=metrics)],
    )
