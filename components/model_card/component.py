"""ModelCard: writes the card with intended use, data, metrics and failure modes of the model."""

import json
import tempfile
from pathlib import Path

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples, InfraBlessing, Model, ModelBlessing, ModelEvaluation

from components.artifacts import CrossValidation, IngestAccount, Predictions
from components.artifacts import ModelCard as Card
from components.morphology_report.evidence import write_evidence
from evaluation.formats.exported_model import ORIGIN_NAME
from report.card.write import write_card
from report.evidence.reading import read_evidence


@component
def ModelCard(
    examples: InputArtifact[Examples],
    ingest_account: InputArtifact[IngestAccount],
    model: InputArtifact[Model],
    predictions: InputArtifact[Predictions],
    evaluation: InputArtifact[ModelEvaluation],
    blessing: InputArtifact[ModelBlessing],
    card: OutputArtifact[Card],
    run_name: Parameter[str],
    settings: Parameter[str],
    fingerprint: Parameter[str],
    candidate_id: Parameter[str],
    code: Parameter[str],
    cross_validation: InputArtifact[CrossValidation] = None,
    infra_blessing: InputArtifact[InfraBlessing] = None,
) -> None:
    """Write the card. The Pusher runs after it and publishes the card with the model.

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
    card : ModelCard
        Output with ``model_card.md``, ``model_card.html`` and ``origin.json``.
    run_name : str
    settings : str
        Tables of the configuration, as JSON.
    fingerprint : str
        Fingerprint of table and stamps.
    candidate_id : str
        Identifies what the candidate was made of; published with the card.
    code : str
        Fingerprint of our own code, for the cache.
    cross_validation : CrossValidation
        Only if there are folds.
    infra_blessing : InfraBlessing
        Only if a validator has tried the model in a server.
    """
    given = {
        "examples": examples,
        "ingest_account": ingest_account,
        "model": model,
        "predictions": predictions,
        "evaluation": evaluation,
        "blessing": blessing,
        "cross_validation": cross_validation,
        "infra_blessing": infra_blessing,
    }
    Path(card.uri).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        write_evidence(Path(folder), run_name, json.loads(settings), fingerprint, given)
        write_card(read_evidence(Path(folder)), Path(card.uri))
    origin = {
        "candidate": candidate_id,
        "run": run_name,
        "data": fingerprint,
        "configuration": json.loads(settings),
    }
    Path(card.uri, ORIGIN_NAME).write_text(json.dumps(origin, indent=2) + "\n")
