"""ModelEvaluator: the quality gate."""

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
        "gate": ExecutionParameter(type=str),
        "code": ExecutionParameter(type=str),
    }
    INPUTS = {
        "model": ChannelParameter(type=standard_artifacts.Model),
        "predictions": ChannelParameter(type=artifacts.Predictions),
        "baseline_model": ChannelParameter(type=standard_artifacts.Model, optional=True),
        "baseline_predictions": ChannelParameter(type=artifacts.Predictions, optional=True),
    }
    OUTPUTS = {
        "evaluation": ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "blessing": ChannelParameter(type=standard_artifacts.ModelBlessing),
    }


class ModelEvaluator(BaseBeamComponent):
    """Judge a model by the predictions that PredictionGen wrote; no model is loaded here.

    Parameters
    ----------
    model : BaseChannel
        The candidate, to which the blessing refers.
    predictions : BaseChannel
        Its predictions for all splits.
    gate : str
        JSON of `evaluation.settings.GateSettings`.
    code : str
        Fingerprint of our own code, for the cache.
    baseline_model, baseline_predictions : BaseChannel, optional
        The published model, and its predictions for the test split; an empty table if there is none.
    """

    SPEC_CLASS = ModelEvaluatorSpec
    EXECUTOR_SPEC = BeamExecutorSpec(Executor)

    def __init__(
        self,
        model: BaseChannel,
        predictions: BaseChannel,
        gate: str,
        code: str,
        baseline_model: BaseChannel | None = None,
        baseline_predictions: BaseChannel | None = None,
    ) -> None:
        super().__init__(
            spec=ModelEvaluatorSpec(
                model=model,
                predictions=predictions,
                gate=gate,
                code=code,
                baseline_model=baseline_model,
                baseline_predictions=baseline_predictions,
                evaluation=as_channel([standard_artifacts.ModelEvaluation()]),
                blessing=as_channel([standard_artifacts.ModelBlessing()]),
            )
        )
