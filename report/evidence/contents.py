"""Schemas of the JSON files of a run, checked when the files are read."""

import json
import math
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    ValidationError,
    field_validator,
    model_validator,
)

from report.errors import ReportError

Finite = Annotated[float, Field(allow_inf_nan=False)]
Share = Annotated[Finite, Field(ge=0, le=1)]
Amount = Annotated[Finite, Field(ge=0)]
Count = Annotated[int, Field(ge=0, le=2**53)]
"""Up to the largest integer that a float represents exactly."""
Table = dict[str, Any]

_GREATEST = 3.5e38
"""A little above the largest float32."""
_LONGEST = 40
"""Largest number of characters shown of a wrong value."""


def _drawable(value: float) -> float:
    # A diverging training gives infinity or NaN; finite values beyond float32 break the axes of a figure.
    if math.isfinite(value) and abs(value) > _GREATEST:
        raise ValueError(f"is {value:g}, which is beyond the range of float32")
    return value


Curves = dict[str, list[Annotated[float, AfterValidator(_drawable)] | None]]
"""Values of each epoch by name."""


class Content(BaseModel):
    """An object of a file. Unknown keys are kept, so that files may get further keys.

    A field with a default may be absent; the code that reads it decides what is used instead.
    """

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)


class Decision(Content):
    """``settings.decision`` of ``run.json``."""

    uncertain: list[Share]
    precision: Share = 0.0

    @field_validator("uncertain")
    @classmethod
    def _is_interval(cls, ends: list[float]) -> list[float]:
        if len(ends) != 2:
            raise ValueError("is not a pair of numbers")
        if ends[0] > ends[1]:
            raise ValueError(f"is {ends[0]:g} to {ends[1]:g}, in descending order")
        return ends


class Compared(Content):
    """``published`` of the verdict: the published model on the same test galaxies."""

    accuracy: Share | None
    auc: Finite | None
    n: Count


class Gate(Content):
    """``results.gate`` of ``run.json``: the verdict."""

    blessed: bool
    reasons: list[str]
    accuracy: Share | None = None
    auc: Finite | None = None
    published: Compared | None = None


class Times(Content):
    """One of ``latency`` of the trial [s]."""

    median: Amount
    p99: Amount


class Trial(Content):
    """``results.serving`` of ``run.json``: the trial of the model in a server."""

    blessed: bool
    reasons: list[str]
    server: str | None = None
    skipped: str | None = None
    load_seconds: Amount | None = None
    peak_memory: Amount | None = None
    latency: dict[Annotated[str, Field(pattern=r"^\d+$")], Times] = {}


class Fold(Content):
    """One of ``folds`` of the cross-validation's summary."""

    fold: int
    accuracy: Share | None
    auc: float | None
    loss: float | None
    n: Count
    n_train: Count = 0

    @model_validator(mode="after")
    def _has_galaxies(self) -> Self:
        if self.accuracy is not None and not self.n:
            raise ValueError("has an accuracy but no galaxies")
        return self


class Pooled(Content):
    """``pooled`` of the cross-validation's summary."""

    n: Count | None = None


class Summary(Content):
    """``results.cross_validation`` of ``run.json``."""

    phases: str
    folds: list[Fold]
    accuracy_mean: Share | None
    accuracy_std: Amount | None
    auc_mean: float | None
    auc_std: float | None
    loss_mean: float | None
    loss_std: float | None
    pooled: Pooled | None = None


class Image(Content):
    """``settings.image`` of ``run.json``."""

    stretch: float = 0.0


class CrossValidationSettings(Content):
    """``settings.cross_validation`` of ``run.json``."""

    publish: str = "single"


class Evaluated(Content):
    """``results.tfma`` of ``run.json``."""

    model_config = ConfigDict(extra="ignore")  # scores are compared under these names and no others

    accuracy: float | None
    auc: float | None


class Settings(Content):
    """``settings`` of ``run.json``: the tables of the configuration."""

    __pydantic_extra__: dict[str, Table] = Field(init=False)

    decision: Decision
    image: Image | None = None
    cross_validation: CrossValidationSettings | None = None


class Results(Content):
    """``results`` of ``run.json``."""

    gate: Gate
    pushed_version: str | None = None
    pushed_to: str | None = None
    cross_validation: Summary | None = None
    temperature: Annotated[Finite, Field(gt=0)] | None = None
    tfma: Evaluated | None = None
    serving: Trial | None = None


class Run(Content):
    """``run.json``."""

    name: str
    settings: Settings
    results: Results
    fingerprint: str | None = None
    versions: dict[str, str] | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_version_0_1(cls, content: Any) -> Any:
        """Separate settings and results, which version 0.1 wrote into one object."""
        if not isinstance(content, dict) or "settings" in content or "decision" not in content:
            return content
        alone = {key: content[key] for key in ("name", "fingerprint", "versions") if key in content}
        results = {key: content[key] for key in Results.model_fields if key in content}
        renamed = {"cross_validation_settings": "cross_validation", "thresholds": "gate"}
        settings = {
            renamed.get(key, key): value
            for key, value in content.items()
            if key not in alone and key not in results and value is not None
        }
        return {**alone, "settings": settings, "results": results}


class FoldHistory(Content):
    """One of ``folds`` of ``history.json``."""

    fold: int
    head: Curves | None = None
    network: Curves | None = None


class History(Content):
    """``history.json``."""

    head: Curves | None = None
    network: Curves | None = None
    folds: list[FoldHistory] | None = None


class Artifact(Content):
    """One of ``artifacts`` of ``lineage.json``."""

    role: str | None = None
    type: str | None = None
    id: int | None = None
    uri: str = ""
    producer: str | None = None
    execution: int | None = None


class Lineage(Content):
    """``lineage.json``."""

    artifacts: list[Artifact] = []
    execution: int = 0


class Ingest(Content):
    """``ingest.json``."""

    rows: Count = 0
    examples: Count = 0
    rejects: Count = 0
    reasons: dict[str, Count] = {}
    corrections: dict[str, Count] = {}
    label_format: str | None = None
    fingerprint: str | None = None


class Picture(Content):
    """One of ``galaxies`` of the index of pictures."""

    picture: str | None = None
    views: dict[str, str] = {}
    attention: str | None = None


class Pictures(Content):
    """The index of pictures."""

    galaxies: dict[str, Picture] = {}
    problems: dict[str, str] = {}
    notes: list[str] = []


class Node(Content):
    """One of ``nodes.json``."""

    node: str
    state: str = ""
    seconds: Amount | None = None
    memory: Amount | None = None


class Finished(Content):
    """``finished.json``."""

    time: str = ""
    artifact: str = ""


class Nodes(RootModel[list[Node]]):
    """``nodes.json``."""


def read_content(path: Path, shape: type[BaseModel]) -> Any:
    """Read a JSON file.

    Parameters
    ----------
    path : Path
    shape : type of BaseModel
        One of those above.

    Returns
    -------
    dict or list of dict
        Content of the file, without defaults.

    Raises
    ------
    ReportError
        If it cannot be read, is not JSON or does not match the schema.
    """
    try:
        return shape.model_validate_json(path.read_bytes()).model_dump(exclude_unset=True)
    except OSError as error:
        raise ReportError(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise ReportError(f"{path} is damaged: {_damage(error)}") from error


def _damage(error: ValidationError) -> str:
    """Return the first of pydantic's errors in one line."""
    problem = error.errors()[0]
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in problem["loc"])
    where = "".join(parts).removeprefix(".") or "it"
    kind, found, message = problem["type"], problem["input"], problem["msg"]
    if kind == "json_invalid":
        text = message[0].lower() + message[1:]
    elif kind == "missing":
        text = f"there is no {where}"
    elif kind == "value_error":
        text = f"{where} {problem['ctx']['error']}"
    else:
        # The content of a list or an object would not help.
        shown = f" is {json.dumps(found):.{_LONGEST}} and" if not isinstance(found, list | dict) else ""
        text = f"{where}{shown} {message.removeprefix('Input ')}"
    return " ".join(text.split())
