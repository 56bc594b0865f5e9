"""ModelEvaluator: TFX's Evaluator, for a model that may answer with anything but numbers."""

import json
from collections.abc import Sequence

import tensorflow_model_analysis as tfma
from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel
from tfx.types.channel_utils import as_channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components import artifacts
from components.model_evaluator.executor import Executor


class ModelEvaluatorSpec(ComponentSpec):
    """Inputs, outputs and parameters of ModelEvaluator."""

    PARAMETERS = {
        "eval_config": ExecutionParameter(type=tfma.EvalConfig),
        "example_splits": ExecutionParameter(type=str),
        "code": ExecutionParameter(type=str),
    }
    INPUTS = {
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "model": ChannelParameter(type=standard_artifacts.Model),
        "baseline_model": ChannelParameter(type=standard_artifacts.Model, optional=True),
        "predictions": ChannelParameter(type=artifacts.Predictions),
    }
    OUTPUTS = {
        "evaluation": ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "blessing": ChannelParameter(type=standard_artifacts.ModelBlessing),
    }


class ModelEvaluator(BaseBeamComponent):
    """Judge the model by its answers.

    Parameters
    ----------
    examples : BaseChannel
        Raw.
    model : BaseChannel
    baseline_model : BaseChannel or None
        The published model, where there is one.
    predictions : BaseChannel
        Of PredictionGen: a model with an answer that is no number is refused.
    example_splits : sequence of str
        Splits that it is judged by.
    eval_config : tfma.EvalConfig
    code : str
        Fingerprint of our own code, for the cache.
    """

    SPEC_CLASS = ModelEvaluatorSpec
    EXECUTOR_SPEC = BeamExecutorSpec(Executor)

    def __init__(
        self,
        examples: BaseChannel,
        model: BaseChannel,
        baseline_model: BaseChannel | None,
        predictions: BaseChannel,
        example_splits: Sequence[str],
        eval_config: tfma.EvalConfig,
        code: str,
    ) -> None:
        super().__init__(
            spec=ModelEvaluatorSpec(
                examples=examples,
                model=model,
                baseline_model=baseline_model,
                predictions=predictions,
                example_splits=json.dumps(list(example_splits)),
                eval_config=eval_config,
                code=code,
                evaluation=as_channel([standard_artifacts.ModelEvaluation()]),
                blessing=as_channel([standard_artifacts.ModelBlessing()]),
            )
        )
