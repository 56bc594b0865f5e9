"""PublicationGate: the last node, which fails if nothing was published."""

import json
from pathlib import Path

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputDict, Parameter
from tfx.dsl.component.experimental.decorators import component

from components.artifacts import MorphologyReport
from pipeline.verdict import RefusedError, refusals


@component
def PublicationGate(report: InputArtifact[MorphologyReport], code: Parameter[str]) -> OutputDict(passed=int):  # type: ignore[valid-type]
    """Raise `RefusedError` if the model was not published, so that the run is seen to have failed.

    Parameters
    ----------
    report : MorphologyReport
    code : str
        Fingerprint of our own code, for the cache.

    Returns
    -------
    dict
        ``passed``: 1.
    """
    found = refusals(json.loads(Path(report.uri, "metrics.json").read_text()))
    if found:
        raise RefusedError("; ".join(found))
    return {"passed": 1}
