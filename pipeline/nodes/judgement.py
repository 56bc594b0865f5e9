"""The nodes that judge the candidate, publish it and report."""

import json
from typing import Any

from tfx.components import InfraValidator
from tfx.dsl.components.base.base_node import BaseNode
from tfx.dsl.components.common.resolver import Resolver
from tfx.proto import infra_validator_pb2
from tfx.types.channel import Channel
from tfx.types.standard_artifacts import Model, ModelBlessing, PushedModel

from components.atomic_pusher.component import AtomicPusher
from components.incumbent_resolver.strategy import IncumbentStrategy
from components.model_card.component import ModelCard
from components.model_evaluator.component import ModelEvaluator
from components.morphology_report.component import MorphologyReport
from components.prediction_gen.component import PredictionGen
from components.serving_validator.component import ServingValidator
from pipeline.config import Settings
from pipeline.fingerprint import code_fingerprint
from pipeline.nodes.common import Place
from pipeline.nodes.data import DataNodes
from pipeline.nodes.training import CandidateNodes, FoldNodes
from pipeline.nodes.values import NodeValues
from preprocessing.features import TEST


def judgement_nodes(
    settings: Settings,
    values: NodeValues,
    data: DataNodes,
    folds: FoldNodes,
    candidate: CandidateNodes,
    place: Place,
) -> list[BaseNode]:
    """Return the nodes from predictions to publication and report."""
    nodes: list[BaseNode] = []
    incumbent = place.incumbent
    if incumbent is None:
        resolver = Resolver(
            strategy_class=IncumbentStrategy,
            model=Channel(type=Model),
            model_blessing=Channel(type=ModelBlessing),
            pushed_model=Channel(type=PushedModel),
            candidate=candidate.model,
        ).with_id("IncumbentResolver")
        incumbent = resolver.outputs["model"]
        nodes.append(resolver)
    bands, flux = json.dumps(settings.example_bands), values.flux
    answers = PredictionGen(
        examples=data.examples,
        model=candidate.model,
        bands=bands,
        flux=flux,
        splits="[]",
        code=code_fingerprint("PredictionGen"),
    )
    nodes.append(answers)
    theirs = PredictionGen(
        examples=data.examples,
        model=incumbent,
        bands=bands,
        flux=flux,
        splits=json.dumps([TEST]),
        code=code_fingerprint("IncumbentPredictionGen"),
    ).with_id("IncumbentPredictionGen")
    nodes.append(theirs)
    evaluator = ModelEvaluator(
        model=candidate.model,
        predictions=answers.outputs["predictions"],
        gate=values.gate,
        code=code_fingerprint("Evaluator"),
        baseline_model=incumbent,
        baseline_predictions=theirs.outputs["predictions"],
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
        "run_name": values.name,
        "settings": values.tables,
        "fingerprint": values.fingerprint,
        **({"cross_validation": folds.summary} if folds.summary is not None else {}),
        **infra_blessing,
    }
    card = ModelCard(**findings, candidate_id=values.candidate_id, code=code_fingerprint("ModelCard"))
    pusher = AtomicPusher(
        model=candidate.model,
        model_blessing=evaluator.outputs["blessing"],
        model_card=card.outputs["card"],
        directory=values.push_directory,
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
    settings: Settings, data: DataNodes, candidate: CandidateNodes, answers: BaseNode, evaluator: BaseNode
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
