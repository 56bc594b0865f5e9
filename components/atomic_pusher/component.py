"""AtomicPusher: TFX's Pusher, publishing model and model card atomically."""

from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel
from tfx.types.channel_utils import as_channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components import artifacts
from components.atomic_pusher.executor import Executor


class AtomicPusherSpec(ComponentSpec):
    """Inputs, outputs and parameters of AtomicPusher: those of TFX's Pusher, and the card; a folder."""

    PARAMETERS = {
        "directory": ExecutionParameter(type=str),
        "code": ExecutionParameter(type=str),
    }
    INPUTS = {
        "model": ChannelParameter(type=standard_artifacts.Model),
        "model_blessing": ChannelParameter(type=standard_artifacts.ModelBlessing),
        "infra_blessing": ChannelParameter(type=standard_artifacts.InfraBlessing, optional=True),
        "model_card": ChannelParameter(type=artifacts.ModelCard),
    }
    OUTPUTS = {"pushed_model": ChannelParameter(type=standard_artifacts.PushedModel)}


class AtomicPusher(BaseComponent):
    """Publish a blessed model, and its card under ``assets.extra``.

    Parameters
    ----------
    model : BaseChannel
    model_blessing : BaseChannel
        Output of ModelEvaluator.
    model_card : BaseChannel
        Output of ModelCard.
    directory : str
        Folder of the published versions, or a URI of an object store.
    code : str
        Fingerprint of our own code, for the cache.
    infra_blessing : BaseChannel, optional
        Output of ServingValidator or InfraValidator. What is not blessed is not pushed.
    """

    SPEC_CLASS = AtomicPusherSpec
    EXECUTOR_SPEC = ExecutorClassSpec(Executor)

    def __init__(
        self,
        model: BaseChannel,
        model_blessing: BaseChannel,
        model_card: BaseChannel,
        directory: str,
        code: str,
        infra_blessing: BaseChannel | None = None,
    ) -> None:
        super().__init__(
            spec=AtomicPusherSpec(
                model=model,
                model_blessing=model_blessing,
                infra_blessing=infra_blessing,
                model_card=model_card,
                directory=directory,
                code=code,
                pushed_model=as_channel([standard_artifacts.PushedModel()]),
            )
        )
