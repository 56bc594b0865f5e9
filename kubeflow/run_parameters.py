"""The parameters of a run on Kubeflow Pipelines, and the configuration that they give."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kubeflow.checks import check_path, check_paths
from pipeline.config import Settings, checked_settings, override
from pipeline.errors import InputError

NEWEST, NO_BASELINE = "newest", "none"
"""Values of the run parameter ``baseline``; any other value is the folder of a version."""


@dataclass(frozen=True)
class RunParameter:
    """A parameter of a run.

    Attributes
    ----------
    name : str
    type : type
        str, int or float.
    default : str, int or float
    description : str
    """

    name: str
    type: type
    default: Any
    description: str


_KEYS = {
    "labels": ("data.labels", str, "label table: a path in the pods, or a URI"),
    "stamps": ("data.stamps", str, "template of the stamps' files, with {band} and {name}"),
    "run_name": ("pipeline.name", str, "name of the run, for report and model card"),
    "epochs": ("train.epochs", int, "epochs of the classifier head"),
    "fine_tune_epochs": ("train.fine_tune_epochs", int, "epochs of the whole network"),
    "min_accuracy": ("gate.min_accuracy", float, "least accuracy on the test split"),
    "min_auc": ("gate.min_auc", float, "least area under the ROC curve on the test split"),
    "max_accuracy_drop": ("gate.max_accuracy_drop", float, "how much worse than the baseline it may be"),
}
"""Key of the configuration, type and description, by parameter."""


def run_parameters(settings: Settings) -> list[RunParameter]:
    """Return the parameters of a run, with the values of a configuration as defaults.

    Parameters
    ----------
    settings : Settings

    Returns
    -------
    list of RunParameter
    """
    tables = settings.model_dump(mode="json")
    parameters = []
    for name, (key, kind, description) in _KEYS.items():
        section, _, field = key.partition(".")
        parameters.append(RunParameter(name, kind, tables[section][field], description))
    folder, _, model = settings.push.directory.rstrip("/").rpartition("/")
    return [
        *parameters,
        RunParameter("models_directory", str, folder or "/", "folder or URI of the published models"),
        RunParameter("model_name", str, model, "folder of its numbered versions, in models_directory"),
        RunParameter(
            "baseline",
            str,
            NEWEST,
            f"model to be compared with: {NEWEST} (the newest published one), {NO_BASELINE}, or its folder",
        ),
        RunParameter("settings", str, "", "further keys, one section.key=value per line"),
    ]


def configuration_of(compiled: Mapping[str, Any], parameters: Mapping[str, Any]) -> Settings:
    """Return the configuration of a run.

    Parameters
    ----------
    compiled : mapping
        Tables of the configuration that was compiled (``Settings.model_dump(mode="json")``).
    parameters : mapping
        Values of the parameters of the run, by name.

    Returns
    -------
    Settings

    Raises
    ------
    InputError
        If a value is refused, or would need other nodes than those that were compiled.
    """
    tables = copy.deepcopy(dict(compiled))
    for name, (key, kind, _) in _KEYS.items():
        section, _, field = key.partition(".")
        tables[section][field] = kind(parameters[name])
    if not parameters["model_name"].strip("/. \t\r\n"):
        raise InputError("parameters of the run: model_name is empty, so that versions would have no folder")
    tables["push"]["directory"] = f"{parameters['models_directory'].rstrip('/')}/{parameters['model_name']}"
    for line in parameters["settings"].splitlines():
        if line.strip():
            override(tables, line.strip(), "settings:")
    settings = checked_settings(tables, "parameters of the run")
    _check_nodes(Settings.model_validate(compiled), settings)
    check_paths(settings)
    if parameters["baseline"] not in (NEWEST, NO_BASELINE):
        check_path(settings, "baseline", parameters["baseline"], ("RunSettings", "Incumbent"))
    return settings


def _check_nodes(compiled: Settings, settings: Settings) -> None:
    """Refuse a configuration for which other nodes would have to be compiled."""
    before = _decides_nodes(compiled)
    for key, value in _decides_nodes(settings).items():
        if value != before[key]:
            raise InputError(
                f"parameters of the run: {key} was compiled as {before[key]!r} and is now {value!r}, which"
                " needs other nodes: compile the pipeline again with `galmorph kubeflow compile`"
            )


def _decides_nodes(settings: Settings) -> dict[str, Any]:
    """Return what decides the nodes of the pipeline, by key of the configuration."""
    return {
        "[data] bands": list(settings.example_bands),
        "[split] folds": settings.split.folds,
        "[train] epochs > 0": settings.train.epochs > 0,
        "[cross_validation] phases": settings.cross_validation.trained(settings.train),
        "[cross_validation] publish": settings.cross_validation.publish,
        "[serving] validator": settings.serving.validator,
        "[serving] timeout": settings.serving.timeout,
        "[pipeline] beam_args": list(settings.pipeline.beam_args),
        "[kubeflow]": settings.kubeflow.model_dump(mode="json", exclude_defaults=True),
    }
