"""From the artifacts of a run to its page, also for a model that answers with anything but numbers."""

import json
from pathlib import Path

import pytest
import tfx  # noqa: F401
from tfx.types.standard_artifacts import Model, ModelBlessing, ModelEvaluation

from components.artifacts import IngestAccount, Predictions
from components.model_evaluator.executor import Executor as Evaluator
from components.morphology_report.evidence import write_evidence
from pipeline.config import Settings
from report.run.build import build

TABLES = {
    "pipeline": {"root": "/root"},
    "data": {"labels": "/labels.csv", "stamps": "/{band}/{name}.fits"},
    "push": {"directory": "/models"},
}


@pytest.fixture
def artifacts(tmp_path) -> dict:
    """What the nodes before the report leave, for a model that has no answer for one galaxy."""
    made = {
        "predictions": Predictions(),
        "ingest_account": IngestAccount(),
        "model": Model(),
        "evaluation": ModelEvaluation(),
        "blessing": ModelBlessing(),
    }
    for number, (role, artifact) in enumerate(made.items(), start=1):
        artifact.uri, artifact.id = str(tmp_path / "Node" / role / str(number)), 10 * number
        Path(artifact.uri).mkdir(parents=True)
    answers = Path(made["predictions"].uri)
    rows = [
        ("a", "train", 0, "0.1"),
        ("b", "train", 1, "0.9"),
        ("c", "test", 0, "nan"),
        ("d", "test", 1, "0.8"),
    ]
    (answers / "predictions.csv").write_text(
        "name,ra,dec,split,label,p_elliptical,morphology\n"
        + "".join(f"{name},1.5,2.5,{split},{label},{p},uncertain\n" for name, split, label, p in rows)
    )
    (answers / "galaxies.csv").write_text(
        "name,split,fold,magnitude,height,width,mean_R,noise_R,saturated_R,blank_R\n"
        + "".join(f"{name},{split},-1,15.5,96,96,1.0,0.1,0.0,0.0\n" for name, split, _, _ in rows)
    )
    about = Path(made["model"].uri, "Format-Serving", "assets.extra", "galmorph.json")
    about.parent.mkdir(parents=True)
    about.write_text(json.dumps({"temperature": None, "history": {"network": {"loss": [0.7, 0.5]}}}))
    (Path(made["ingest_account"].uri) / "ingest.json").write_text(
        json.dumps({"rows": 4, "examples": 4, "rejects": 0, "reasons": {}, "splits": {}, "classes": {}})
    )
    Evaluator().Do(
        {"model": [made["model"]], "predictions": [made["predictions"]]},
        {"evaluation": [made["evaluation"]], "blessing": [made["blessing"]]},
        {"gate": '{"min_galaxies": 1}'},
    )
    return made


def test_a_model_without_an_answer_is_refused_and_its_report_is_complete(artifacts, tmp_path):
    settings = Settings.model_validate(TABLES).model_dump(mode="json", exclude={"pipeline", "push"})
    folder = tmp_path / "report"
    write_evidence(folder, "demo", settings, "f00d", artifacts)
    metrics = build(folder)
    reason = "p_elliptical is not a number for 1 of 4 galaxies (c)"
    assert metrics["gate"]["reasons"][0] == reason and not metrics["gate"]["blessed"]
    assert metrics["tfma"] is None
    assert metrics["test"]["not_finite"] == 1 and metrics["test"]["auc"] is None
    page = (folder / "index.html").read_text()
    assert page.rstrip().endswith("</html>") and reason in page
    assert reason in (folder / "model_card.md").read_text()
    lineage = json.loads((folder / "lineage.json").read_text())["artifacts"]
    assert {entry["role"]: (entry["id"], entry["execution"], entry["producer"]) for entry in lineage} == {
        role: (artifact.id, artifact.id // 10, "Node") for role, artifact in artifacts.items()
    }
