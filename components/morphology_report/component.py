"""MorphologyReport: builds the report of a run, as a page and as numbers."""

import json
from pathlib import Path

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import (
    Examples,
    InfraBlessing,
    Model,
    ModelBlessing,
    ModelEvaluation,
    ModelRun,
    PushedModel,
)

from components.artifacts import CrossValidation, FoldModel, IngestAccount, ModelCard, Predictions
from components.artifacts import MorphologyReport as Report
from components.example_files import files_by_split
from components.morphology_report.evidence import write_evidence
from components.morphology_report.shown_galaxies import render_shown_galaxies
from report.run.build import build
from trainer.recipe import Recipe


@component
def MorphologyReport(
    examples: InputArtifact[Examples],
    ingest_account: InputArtifact[IngestAccount],
    model: InputArtifact[Model],
    predictions: InputArtifact[Predictions],
    evaluation: InputArtifact[ModelEvaluation],
    blessing: InputArtifact[ModelBlessing],
    card: InputArtifact[ModelCard],
    pushed_model: InputArtifact[PushedModel],
    report: OutputArtifact[Report],
    run_name: Parameter[str],
    settings: Parameter[str],
    bands: Parameter[str],
    fingerprint: Parameter[str],
    code: Parameter[str],
    cross_validation: InputArtifact[CrossValidation] = None,
    infra_blessing: InputArtifact[InfraBlessing] = None,
    model_run: InputArtifact[ModelRun] = None,
    fold_model: InputArtifact[FoldModel] = None,
) -> None:
    """Write the report. It runs after the Pusher so that it can state the published version.

    It also runs if the gate refused the model, because the report then shows why.

    Parameters
    ----------
    examples, ingest_account : Examples, IngestAccount
        Outputs of FitsExampleGen.
    model : Model
        Exported by Trainer or FoldExporter.
    predictions : Predictions
        Output of PredictionGen.
    evaluation, blessing : ModelEvaluation, ModelBlessing
        Outputs of ModelEvaluator.
    card, pushed_model : ModelCard, PushedModel
    report : MorphologyReport
        Output with ``index.html``, ``metrics.json``, tables, figures and the evidence files.
    run_name : str
    settings : str
        Tables of the configuration, as JSON.
    bands : str
        Bands in the Examples, as JSON.
    fingerprint : str
        Fingerprint of table and stamps.
    code : str
        Fingerprint of our own code, for the cache.
    cross_validation : CrossValidation
        Only if there are folds.
    infra_blessing : InfraBlessing
        Only if a validator has tried the model in a server.
    model_run, fold_model : ModelRun, FoldModel
        The Keras weights: those of the Trainer or, if the model is made of folds, those of one fold (the best
        fold, or the first of an ensemble).
    """
    tables = json.loads(settings)
    folder = Path(report.uri)
    given = {
        "examples": examples,
        "ingest_account": ingest_account,
        "model": model,
        "predictions": predictions,
        "evaluation": evaluation,
        "blessing": blessing,
        "model_card": card,
        "pushed_model": pushed_model,
        "cross_validation": cross_validation,
        "infra_blessing": infra_blessing,
        "model_run": model_run,
        "fold_model": fold_model,
    }
    write_evidence(folder, run_name, tables, fingerprint, given)
    weights = model_run or fold_model
    render_shown_galaxies(
        folder,
        files_by_split(examples),
        Recipe.load(tables),
        json.loads(bands),
        Path(weights.uri) if weights is not None else None,
    )
    build(folder)
