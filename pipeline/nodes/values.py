"""Parameters of the nodes that the configuration of a run decides, as text.

On this machine they are constants. On Kubeflow Pipelines the configuration has run parameters, and the node
RunSettings computes these values in the cluster; the other nodes then get placeholders.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from pipeline.config import Settings
from pipeline.fingerprint import code_fingerprint
from preprocessing.data_settings import ingest_parameter
from trainer.recipe import Recipe
from trainer.settings import CrossValidationSettings, ModelSettings, TrainSettings

_MAKERS = (
    "FitsExampleGen",
    "FeatureExtractor",
    "FoldTrainer",
    "HeadTrainer",
    "HeldOutReference",
    "FoldExporter",
)
"""Nodes whose code the candidate depends on, beside Transform and Trainer."""

TRAINED = ("single", "retrained")
"""Values of `[cross_validation] publish` with which Trainer makes the candidate; otherwise FoldExporter."""


@dataclass(frozen=True)
class NodeValues:
    """Parameters of the nodes; each attribute is a text or a TFX placeholder.

    Attributes
    ----------
    name : str
    fingerprint : str
        Fingerprint of label table and stamps.
    ingest : str
        Settings of FitsExampleGen, as JSON.
    transform : str
        ``custom_config`` of Transform, as JSON.
    features : str
        Recipe of FeatureExtractor, as JSON: only what features depend on, so that another learning rate is
        still a cache hit.
    folds : str
        Recipe of the FoldTrainers, as JSON: settings of the published model alone do not change it.
    head : str
        Recipe of HeadTrainer and HeldOutReference, as JSON.
    candidate : str
        ``custom_config`` of Trainer, and settings of FoldExporter, as JSON.
    flux : str
        Settings that convert the numbers in the stamps to flux, as JSON.
    gate : str
        Settings of the gate, as JSON.
    tables : str
        Tables of the configuration that report and model card show, as JSON: everything except paths.
    push_directory : str
        Folder of the published versions.
    candidate_id : str
        Identifies everything on which the candidate depends: data, settings and code.
    """

    name: Any
    fingerprint: Any
    ingest: Any
    transform: Any
    features: Any
    folds: Any
    head: Any
    candidate: Any
    flux: Any
    gate: Any
    tables: Any
    push_directory: Any
    candidate_id: Any

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names of all values."""
        return tuple(field.name for field in fields(cls))


def node_values(settings: Settings, fingerprint: str, checkpoints: str = "") -> NodeValues:
    """Return the parameters of the nodes as text; equal settings give equal texts.

    Parameters
    ----------
    settings : Settings
    fingerprint : str
        Fingerprint of label table and stamps (`pipeline.preflight.check_before_run`).
    checkpoints : str
        Folder of the checkpoints from which a killed training is resumed; empty for none.

    Returns
    -------
    NodeValues
    """
    bands = settings.example_bands
    uncalibrated = _uncalibrated(settings.recipe)
    candidate = {
        **settings.recipe.dump(),
        # The other keys concern the report only and must not train a model again.
        "decision": settings.decision.model_dump(mode="json", include={"uncertain"}),
        "flux": settings.data.flux,
        "limits": settings.data.limits,
        "chunk": settings.serving.chunk,
    }
    if settings.cross_validation.publish in TRAINED:
        candidate |= {"checkpoints": checkpoints, "code": code_fingerprint("Trainer")}
    folds = {**uncalibrated, "cross_validation": {**uncalibrated["cross_validation"], "publish": "single"}}
    transform = {"image": settings.image.model_dump(mode="json"), "code": code_fingerprint("Transform")}
    origin = {
        "fingerprint": fingerprint,
        "ingest": ingest_parameter(
            settings.data.with_resolved(bands, settings.example_side),
            settings.split,
            bands,
            settings.example_side,
        ),
        "transform": as_json(transform),
        "features": as_json(_feature_recipe(settings).dump()),
        "folds": as_json(folds),
        "head": as_json(uncalibrated),
        "candidate": as_json(candidate),
    }
    code = {node: code_fingerprint(node) for node in _MAKERS}
    return NodeValues(
        **origin,
        candidate_id=hashlib.sha256(as_json(origin | code).encode()).hexdigest(),
        name=settings.pipeline.name,
        flux=as_json(settings.data.flux),
        gate=settings.gate.model_dump_json(),
        tables=as_json(settings.model_dump(mode="json", exclude={"pipeline", "push", "kubeflow"})),
        push_directory=settings.push.directory,
    )


def as_json(tables: Mapping[str, Any]) -> str:
    """Return tables as a parameter of a node; equal tables give equal text."""
    return json.dumps(tables, sort_keys=True)


def _feature_recipe(settings: Settings) -> Recipe:
    """Return the recipe with only the settings on which features depend."""
    train = settings.train
    asked = {name: getattr(train, name) for name in ("batch_size", "mixed_precision")}
    asked["views"] = settings.recipe.feature_views
    if settings.model.weights == "none":
        asked["seed"] = train.seed
    backbone = settings.model.model_dump(include={"backbone", "weights", "weights_sha256"})
    return Recipe(
        settings.image, ModelSettings(**backbone), TrainSettings(**asked), CrossValidationSettings()
    )


def _uncalibrated(recipe: Recipe) -> dict[str, Any]:
    """Return the recipe without temperature scaling, for nodes whose training does not depend on it."""
    tables = recipe.dump()
    tables["model"]["calibration"] = "none"
    return tables
