"""MorphologyReport: what a run found."""

from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel
from tfx.types.channel_utils import as_channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components import artifacts
from components.morphology_report.executor import Executor


class MorphologyReportSpec(ComponentSpec):
    """Inputs, outputs and parameters of MorphologyReport."""

    PARAMETERS = {"code": ExecutionParameter(type=str)}
    INPUTS = {
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "ingest_report": ChannelParameter(type=artifacts.IngestReport),
        "model": ChannelParameter(type=standard_artifacts.Model),
        "evaluation": ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "blessing": ChannelParameter(type=standard_artifacts.ModelBlessing),
        "pushed_model": ChannelParameter(type=standard_artifacts.PushedModel),
        "cross_validation": ChannelParameter(type=artifacts.CrossValidation, optional=True),
    }
    OUTPUTS = {"report": ChannelParameter(type=artifacts.MorphologyReport)}


class MorphologyReport(BaseComponent):
    """Classify every galaxy with the exported model and write the report files.

    It comes after the Pusher so that it can name the published version, and runs whether or not there is one:
    a model that was refused needs the figures most.

    Parameters
    ----------
    examples, ingest_report, model, evaluation, blessing, pushed_model : BaseChannel
        Of FitsExampleGen, Trainer or FoldModel, Evaluator and Pusher.
    cross_validation : BaseChannel or None
        Of CrossValidation, where there are folds.
    code : str
        Fingerprint of our own code, for the cache.
    """

    SPEC_CLASS = MorphologyReportSpec
    EXECUTOR_SPEC = ExecutorClassSpec(Executor)

    def __init__(
        self,
        examples: BaseChannel,
        ingest_report: BaseChannel,
        model: BaseChannel,
        evaluation: BaseChannel,
        blessing: BaseChannel,
        pushed_model: BaseChannel,
        cross_validation: BaseChannel | None,
        code: str,
    ) -> None:
        super().__init__(
            spec=MorphologyReportSpec(
                examples=examples,
                ingest_report=ingest_report,
                model=model,
                evaluation=evaluation,
                blessing=blessing,
                pushed_model=pushed_model,
                cross_validation=cross_validation,
                code=code,
                report=as_channel([artifacts.MorphologyReport()]),
            )
        )
