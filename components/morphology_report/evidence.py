"""Collects the evidence files of model card and report from the artifacts of a run."""

import json
import os
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tfx.components.util.model_utils import is_infra_validated, is_model_blessed
from tfx.dsl.io import fileio
from tfx.types.artifact import Artifact
from tfx.utils import path_utils

from components.cross_validation.component import HISTORY_FILE, SUMMARY_FILE
from components.model_evaluator.executor import VERDICT_FILE
from components.model_evaluator.tfma_results import read_tfma
from evaluation.formats.exported_model import METADATA_FILE
from evaluation.formats.galaxies import GALAXIES
from evaluation.formats.out_of_fold import SCORES_FILE
from evaluation.formats.predictions import PREDICTIONS
from report.evidence.reading import HISTORY, LINEAGE, RUN
from serving.validation.result import read_trial

_PACKAGES = (
    *("galmorph", "tfx", "tensorflow", "keras", "apache-beam", "tensorflow-model-analysis"),
    *("scikit-learn", "numpy", "astropy"),
)


def write_evidence(
    folder: Path,
    name: str,
    settings: Mapping[str, Any],
    fingerprint: str,
    given: Mapping[str, Artifact | None],
) -> None:
    """Write the evidence files of a run, except pictures.

    Parameters
    ----------
    folder : Path
        Output folder, created if it does not exist: ``predictions.csv``, ``galaxies.csv``, ``run.json``,
        ``history.json``, ``lineage.json``, the files of the ingest account and, if there are folds,
        ``out_of_fold.csv``.
    name : str
        Name of the pipeline.
    settings : mapping
        Tables of the configuration.
    fingerprint : str
        Fingerprint of table and stamps.
    given : mapping of str to Artifact or None
        ``predictions``, ``ingest_account``, ``model``, ``evaluation``, ``blessing``; optionally
        ``cross_validation``, ``infra_blessing`` and ``pushed_model``; any others only for the lineage.
    """
    artifacts = {role: artifact for role, artifact in given.items() if artifact is not None}
    folder.mkdir(parents=True, exist_ok=True)
    predictions = artifacts["predictions"].uri
    for file in (PREDICTIONS, GALAXIES):
        _copy(predictions, file, folder)
    for file in fileio.listdir(artifacts["ingest_account"].uri):
        _copy(artifacts["ingest_account"].uri, file, folder)
    summary, histories = None, []
    if "cross_validation" in artifacts:
        folds = artifacts["cross_validation"].uri
        summary, histories = _read(folds, SUMMARY_FILE), _read(folds, HISTORY_FILE)
        _copy(folds, SCORES_FILE, folder)
    about = _read(path_utils.serving_model_path(artifacts["model"].uri), METADATA_FILE)
    pushed = artifacts.get("pushed_model")
    run = {
        "name": name,
        "fingerprint": fingerprint,
        "versions": {package: version(package) for package in _PACKAGES},
        "settings": settings,
        "results": {
            "gate": _verdict(artifacts),
            "serving": _trial(artifacts.get("infra_blessing")),
            "pushed_version": _property(pushed, "pushed_version"),
            "pushed_to": _property(pushed, "pushed_destination"),
            "cross_validation": summary,
            "temperature": about.get("temperature"),
            "tfma": _tfma(artifacts["evaluation"].uri),
        },
    }
    _write(folder / RUN, run)
    _write(folder / HISTORY, {**about.get("history", {}), "folds": histories})
    _write(folder / LINEAGE, {"artifacts": [_about(*pair) for pair in artifacts.items()]})


def _verdict(artifacts: Mapping[str, Artifact]) -> dict[str, Any]:
    verdict = _read(artifacts["evaluation"].uri, VERDICT_FILE)
    if verdict["blessed"] != is_model_blessed(artifacts["blessing"]):
        raise RuntimeError(f"the blessing contradicts {VERDICT_FILE}: {verdict['reasons'] or 'no reasons'}")
    return verdict


def _trial(blessing: Artifact | None) -> dict[str, Any] | None:
    """Return what became of the model in a server; None if it was not tried."""
    if blessing is None:
        return None
    return read_trial(Path(blessing.uri), is_infra_validated(blessing))


def _tfma(evaluation: str) -> dict[str, float | None] | None:
    """Return TFMA's scores; None if it was not run."""
    return read_tfma(evaluation) if fileio.exists(os.path.join(evaluation, "eval_config.json")) else None


def _about(role: str, artifact: Artifact) -> dict[str, Any]:
    """Return the lineage of an artifact: identifiers in ML Metadata."""
    # Locally and on Kubeflow, the URI of an output ends with the identifier of its execution.
    last = artifact.uri.rstrip("/").rsplit("/", 1)[-1]
    return {
        "role": role,
        "type": artifact.type_name,
        "id": artifact.id,
        "uri": artifact.uri,
        "producer": artifact.uri.rstrip("/").split("/")[-3] if last.isdecimal() else None,
        "execution": int(last) if last.isdecimal() else None,
    }


def _property(artifact: Artifact | None, name: str) -> str | None:
    return artifact.get_string_custom_property(name) or None if artifact is not None else None


def _copy(source: str, name: str, folder: Path) -> None:
    fileio.copy(os.path.join(source, name), str(folder / name), overwrite=True)


def _read(folder: str, name: str) -> Any:
    with fileio.open(os.path.join(folder, name)) as stream:
        return json.loads(stream.read())


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
