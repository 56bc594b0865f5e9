"""RunSettings: the first node, which turns the parameters of a run into those of all other nodes."""

import json
import logging
from pathlib import Path

from tfx.dsl.component.experimental.annotations import OutputArtifact, OutputDict, Parameter
from tfx.dsl.component.experimental.decorators import component

from components.artifacts import Configuration
from kubeflow.incumbent import check_incumbent, find_incumbent
from kubeflow.run_parameters import configuration_of
from pipeline.nodes.values import node_values
from pipeline.preflight import check_before_run

_logger = logging.getLogger("galmorph")


@component
def RunSettings(
    configuration: OutputArtifact[Configuration],
    compiled: Parameter[str],
    labels: Parameter[str],
    stamps: Parameter[str],
    run_name: Parameter[str],
    epochs: Parameter[int],
    fine_tune_epochs: Parameter[int],
    min_accuracy: Parameter[float],
    min_auc: Parameter[float],
    max_accuracy_drop: Parameter[float],
    models_directory: Parameter[str],
    model_name: Parameter[str],
    baseline: Parameter[str],
    settings: Parameter[str],
) -> OutputDict(  # type: ignore[valid-type]
    name=str,
    fingerprint=str,
    ingest=str,
    transform=str,
    features=str,
    folds=str,
    head=str,
    candidate=str,
    flux=str,
    gate=str,
    tables=str,
    push_directory=str,
    candidate_id=str,
    incumbent=str,
    store=str,
):
    """Check configuration and input as ``galmorph run`` does before a run, and hand on the parameters.

    This node is never cached. It reads the table and looks at the files of the stamps, so that after a change
    no later node is a cache hit.

    Parameters
    ----------
    configuration : Configuration
        The resolved configuration of the run.
    compiled : str
        Tables of the configuration that was compiled, as JSON.
    labels, stamps, run_name, epochs, fine_tune_epochs, min_accuracy, min_auc, max_accuracy_drop, \
models_directory, model_name, baseline, settings
        Parameters of the run, see `kubeflow.run_parameters`.

    Returns
    -------
    dict of str
        The attributes of `pipeline.nodes.values.NodeValues`; ``incumbent``: the result of
        `kubeflow.incumbent.find_incumbent` as JSON; ``store``: scheme and bucket of the pipeline root.

    Raises
    ------
    InputError
        As `pipeline.preflight.check_before_run`.
    """
    resolved = configuration_of(
        json.loads(compiled),
        {
            "labels": labels,
            "stamps": stamps,
            "run_name": run_name,
            "epochs": epochs,
            "fine_tune_epochs": fine_tune_epochs,
            "min_accuracy": min_accuracy,
            "min_auc": min_auc,
            "max_accuracy_drop": max_accuracy_drop,
            "models_directory": models_directory,
            "model_name": model_name,
            "baseline": baseline,
            "settings": settings,
        },
    )
    folder = Path(configuration.uri)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.toml").write_text(resolved.to_toml())
    checked = check_before_run(resolved)
    for remark in (*checked.notes, *checked.warnings):
        _logger.warning("%s", remark)
    _logger.info("%d rows: %s, refused: %s", checked.rows, checked.classes, checked.refused)
    values = node_values(resolved.with_pinned_weights(), checked.fingerprint)
    incumbent = find_incumbent(baseline, values.push_directory, values.candidate_id)
    check_incumbent(incumbent, resolved)
    _logger.info("published model to be compared with: %s", incumbent.get("path", "none"))
    store = "/".join(folder.parts[1:3])
    return {**vars(values), "incumbent": json.dumps(incumbent, sort_keys=True), "store": store}
