"""FitsExampleGen: ingests a label table and FITS stamps into Examples in splits."""

from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.types import standard_artifacts
from tfx.types.channel_utils import as_channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.artifacts import IngestAccount
from components.fits_example_gen.executor import Executor


class FitsExampleGenSpec(ComponentSpec):
    """Inputs, outputs and parameters of FitsExampleGen."""

    PARAMETERS = {
        "settings": ExecutionParameter(type=str),
        "fingerprint": ExecutionParameter(type=str),
        "code": ExecutionParameter(type=str),
    }
    INPUTS: dict[str, ChannelParameter] = {}
    OUTPUTS = {
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "account": ChannelParameter(type=IngestAccount),
    }


class FitsExampleGen(BaseBeamComponent):
    """Ingest a label table and FITS stamps.

    Parameters
    ----------
    settings : str
        Result of `ingest_parameter`.
    fingerprint : str
        Fingerprint of table and stamps (`input_fingerprint`), so that an unchanged input is a cache hit. It
        is a parameter because open-source Kubeflow Pipelines runs no custom driver that could compute it.
    code : str
        Fingerprint of our own code, so that a new version does not reuse Examples of an old version.
    """

    SPEC_CLASS = FitsExampleGenSpec
    EXECUTOR_SPEC = BeamExecutorSpec(Executor)

    def __init__(self, settings: str, fingerprint: str, code: str) -> None:
        super().__init__(
            spec=FitsExampleGenSpec(
                settings=settings,
                fingerprint=fingerprint,
                code=code,
                examples=as_channel([standard_artifacts.Examples()]),
                account=as_channel([IngestAccount()]),
            )
        )
