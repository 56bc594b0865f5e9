"""The configuration file: read, checked and resolved before anything runs."""

import difflib
import json
import os
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, get_args

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from evaluation.settings import GateSettings
from pipeline.errors import InputError
from pipeline.kubeflow_settings import KubeflowSettings
from preprocessing.bands import in_order
from preprocessing.data_settings import DataSettings, SplitSettings
from preprocessing.locations import without_secrets
from preprocessing.settings import ImageSettings
from serving.settings import ServingSettings
from trainer.backbones.names import SMALLEST_PICTURE
from trainer.recipe import Recipe
from trainer.settings import CrossValidationSettings, ModelSettings, TrainSettings
from trainer.weights.preflight import file_digest

Share = Annotated[float, Field(ge=0, le=1)]


class PipelineSettings(BaseModel):
    """The `[pipeline]` table: name and root folder of a run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field("galmorph", pattern=r"^[A-Za-z0-9-]+$", description="name of the pipeline")
    root: str = Field(min_length=1, description="folder of artifacts, metadata, logs and report")
    beam_args: tuple[str, ...] = Field(
        # Left open, Beam 2.77 tries to download a runner.
        ("--runner=DirectRunner", "--direct_running_mode=in_memory", "--direct_num_workers=1"),
        description="arguments of Beam's runner",
    )


class DecisionSettings(BaseModel):
    """The `[decision]` table: how a probability becomes a class."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    uncertain: tuple[Share, Share] = Field(
        (0.25, 0.75), description="interval of probabilities that are classified as uncertain"
    )
    precision: float = Field(
        0.99,
        gt=0.5,
        le=1,
        description="precision of both classes that the interval proposed in the report must reach",
    )

    @model_validator(mode="after")
    def _ordered(self) -> "DecisionSettings":
        least, greatest = self.uncertain
        if not least <= 0.5 <= greatest:
            raise ValueError("uncertain must be an interval around 0.5")
        return self


class PushSettings(BaseModel):
    """The `[push]` table: where published models go."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    directory: str = Field(min_length=1, description="folder of the numbered versions")


class Settings(BaseModel):
    """A whole configuration file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pipeline: PipelineSettings
    data: DataSettings
    image: ImageSettings = ImageSettings()
    split: SplitSettings = SplitSettings()
    model: ModelSettings = ModelSettings()
    train: TrainSettings = TrainSettings()
    cross_validation: CrossValidationSettings = CrossValidationSettings()
    gate: GateSettings = GateSettings()
    decision: DecisionSettings = DecisionSettings()
    serving: ServingSettings = ServingSettings()
    kubeflow: KubeflowSettings = KubeflowSettings()
    push: PushSettings

    @model_validator(mode="after")
    def _consistent(self) -> "Settings":
        missing = [band for band in self.image.bands if self.data.bands and band not in self.data.bands]
        if missing:
            raise ValueError(f"[data] bands lacks {missing[0]}, which [image] rgb = {self.image.rgb!r} needs")
        for band in self.example_bands:
            if self.data.cube_bands and band not in self.data.cube_bands:
                raise ValueError(f"[data] cube_bands lacks {band}, which [image] rgb or [data] bands needs")
            if isinstance(self.data.zero_points, dict) and band not in self.data.zero_points:
                raise ValueError(f"[data] zero_points lacks {band}, which [image] rgb or [data] bands needs")
        if 0 < self.data.stamp_size < self.image.cut:
            raise ValueError(
                f"[image] cut = {self.image.cut} is larger than [data] stamp_size = {self.data.stamp_size}"
            )
        if self.image.size < SMALLEST_PICTURE:
            raise ValueError(
                f"[image] size = {self.image.size}: the backbones need pictures of at least"
                f" {SMALLEST_PICTURE} pixels"
            )
        if self.model.backbone == "TinyConv" and self.train.fine_tune_from != "stem":
            raise ValueError(f"[train] fine_tune_from: TinyConv has no {self.train.fine_tune_from}")
        try:
            self.cross_validation.check(self.train, self.model)
        except ValueError as error:
            raise ValueError(f"[cross_validation] {error}") from None
        return self

    @property
    def example_bands(self) -> tuple[str, ...]:
        """Bands kept in the Examples, in order of wavelength."""
        return in_order(self.data.bands or self.image.bands)

    @property
    def example_side(self) -> int:
        """Side kept of each stamp [pixels]."""
        return self.data.stamp_size or self.image.cut

    @property
    def recipe(self) -> Recipe:
        """The settings that the training of the classifier depends on."""
        trained = self.cross_validation.trained(self.train)
        decided = self.cross_validation.model_copy(update={"phases": trained})
        return Recipe(self.image, self.model, self.train, decided)

    def with_pinned_weights(self) -> "Settings":
        """Return the settings with the SHA-256 of a weights file, so that a changed file is no cache hit."""
        if not self.model.weights_are_file or self.model.weights_sha256:
            return self
        digest = file_digest(Path(self.model.weights), "sha256")
        pinned = self.model.model_copy(update={"weights_sha256": digest})
        return self.model_copy(update={"model": pinned})

    def to_toml(self) -> str:
        """Return the resolved configuration as TOML, with every key."""
        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))


def demo_config() -> Path:
    """Return the path of ``configs/demo.toml``."""
    import configs

    return Path(next(iter(configs.__path__)), "demo.toml")


def load_settings(path: Path, overrides: Iterable[str] = ()) -> Settings:
    """Read, check and resolve a configuration file.

    Parameters
    ----------
    path : Path
        TOML file. Relative paths in it are relative to its folder.
    overrides : iterable of str
        ``section.key=value``. The value is TOML; what is not valid TOML is taken as text. Relative paths are
        relative to the folder of the file, too.

    Returns
    -------
    Settings
        With absolute paths.

    Raises
    ------
    InputError
        One line that names key and value.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not valid TOML: {error}") from error
    for assignment in overrides:
        override(tables, assignment)
    _resolve_paths(tables, path.resolve().parent)
    return checked_settings(tables, str(path))


def checked_settings(tables: dict[str, Any], source: str) -> Settings:
    """Check the tables of a configuration.

    Parameters
    ----------
    tables : dict
        As read from TOML, with absolute paths.
    source : str
        Where they come from, for the message.

    Returns
    -------
    Settings

    Raises
    ------
    InputError
        One line that names key and value.
    """
    _skip_random_features(tables)
    try:
        # As JSON: in strict mode (no "3" for 3, no true for 1) pydantic takes a list for a tuple only there.
        return Settings.model_validate_json(json.dumps(tables, default=str), strict=True)
    except ValidationError as error:
        raise InputError(f"{source}: {_key_problem(error, tables)}") from error


def override(tables: dict[str, Any], assignment: str) -> None:
    """Set a key of the configuration to the value in ``section.key=value``, as `load_settings` takes it."""
    name, equals, text = assignment.partition("=")
    section, dot, key = name.strip().partition(".")
    if not (equals and dot and section and key):
        raise InputError(f"--set {assignment}: must have the form section.key=value")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    table = tables.setdefault(section, {})
    if not isinstance(table, dict):
        raise InputError(f"--set {assignment}: {section} is not a table")
    table[key] = value


_PATHS = (
    ("pipeline", "root"),
    ("data", "labels"),
    ("data", "positions"),
    ("data", "exclude"),
    ("data", "corrections"),
    ("data", "stamps"),
    ("push", "directory"),
    ("model", "weights"),
)


def _resolve_paths(tables: dict[str, Any], folder: Path) -> None:
    for section, key in _PATHS:
        table = tables.get(section)
        if not isinstance(table, dict) or key not in table:
            continue
        value = table[key]
        if isinstance(value, list):
            table[key] = [_resolved(path, folder) for path in value]
        else:
            table[key] = _resolved(value, folder)


def _resolved(value: Any, folder: Path) -> Any:
    """Return the absolute path; return anything that is not a local path unchanged."""
    if not isinstance(value, str) or "://" in value or value in ("", "imagenet", "none"):
        return value
    return os.path.normpath(folder / Path(value).expanduser())


def _skip_random_features(tables: dict[str, Any]) -> None:
    """Set `[train] epochs` to 0 by default if the weights are random: their features are of no use."""
    model, train = tables.get("model", {}), tables.get("train", {})
    if isinstance(model, dict) and isinstance(train, dict) and model.get("weights") == "none":
        tables["train"] = {"epochs": 0, **train}


def _key_problem(error: ValidationError, tables: dict[str, Any]) -> str:
    """Return the first of pydantic's findings as one line."""
    # A misspelt key is reported as missing under its right name, too. The spelling is the cause.
    problem = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    # A key that accepts several types has one finding for each of them, which its location ends with. No key
    # of a nested table does.
    depth = None if problem["loc"][:1] == ("kubeflow",) else 2
    findings = [finding for finding in error.errors() if finding["loc"][:depth] == problem["loc"][:depth]]
    location = [str(part) for part in problem["loc"][:depth]]
    message = ", or: ".join(
        dict.fromkeys(finding["msg"].removeprefix("Value error, ") for finding in findings)
    )
    where = f"[{location[0]}] {'.'.join(location[1:])}".strip() if location else ""
    if problem["type"] == "extra_forbidden":
        return f"unknown key {where}{_suggestion(location)}"
    if problem["type"] == "missing":
        return f"{where} is missing"
    if not location:
        return message
    if len(location) == 1 and isinstance(tables.get(location[0]), dict):
        return f"[{location[0]}] {message}"  # the message of a rule over several keys names them
    return f"{where} = {without_secrets(repr(problem['input']))}: {message}"


def _suggestion(location: list[str]) -> str:
    known = _known_keys(location[:-1])
    close = difflib.get_close_matches(location[-1], known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else f"; known keys are {', '.join(known)}"


def _known_keys(table: list[str]) -> list[str]:
    """Return the keys of a table. Numbers in lists and names of pods do not lead to another kind of table."""
    model: type[BaseModel] = Settings
    for part in table:
        if part in model.model_fields:
            model = next(_tables_in(model.model_fields[part].annotation), model)
    return list(model.model_fields)


def _tables_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _tables_in(inner)
