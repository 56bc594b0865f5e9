"""Reading a report folder."""

import json

import pytest
from report_folder import galaxies, nested, run_content, write_folder

from report.errors import ReportError
from report.evidence.reading import read_evidence

OPTIONAL = (
    "galaxies.csv",
    "out_of_fold.csv",
    "history.json",
    "lineage.json",
    "ingest.json",
    "nodes.json",
    "config.toml",
    "pictures/index.json",
)


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path / "report", 60)


def test_everything_is_read(folder):
    evidence = read_evidence(folder)
    assert not evidence.problems
    assert len(evidence.predictions) == 60 and evidence.uncertain == (0.25, 0.75)
    assert evidence.galaxies is not None and evidence.out_of_fold is not None
    assert evidence.history["network"] and evidence.lineage["execution"] == 14
    assert evidence.nodes[0]["node"] == "FitsExampleGen" and "[pipeline]" in evidence.configuration
    assert evidence.pictures["size"] == 32


@pytest.mark.parametrize("name", OPTIONAL)
def test_an_optional_file_may_be_absent(folder, name):
    (folder / name).unlink()
    assert read_evidence(folder).problems == {name: f"{name} does not exist."}


@pytest.mark.parametrize("name", [name for name in OPTIONAL if name != "config.toml"])
def test_an_optional_file_may_be_damaged(folder, name):
    (folder / name).write_text("{1")
    problem = read_evidence(folder).problems[name]
    assert problem.endswith(".") and str(folder) not in problem and "\n" not in problem


def test_a_file_that_is_no_text_is_damaged(folder):
    for name in ("history.json", "config.toml", "galaxies.csv", "out_of_fold.csv"):
        (folder / name).write_bytes(b"\xff\xfe\x00\x80")
    problems = read_evidence(folder).problems
    assert set(problems) == {"history.json", "config.toml", "galaxies.csv", "out_of_fold.csv"}


@pytest.mark.parametrize("name", ["predictions.csv", "run.json"])
def test_without_predictions_or_run_there_is_no_report(folder, name):
    (folder / name).unlink()
    with pytest.raises(ReportError, match=rf"{name} cannot be read") as error:
        read_evidence(folder)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"decision": {}}, "there is no settings.decision.uncertain"),
        ({"decision": {"uncertain": [0.25]}}, "settings.decision.uncertain is not a pair of numbers"),
        ({"decision": {"uncertain": [0.75, 0.25]}}, "settings.decision.uncertain is 0.75 to 0.25"),
        ({"gate": {"reasons": []}}, "there is no results.gate.blessed"),
        ({"gate": True}, "results.gate is true and should be an object"),
    ],
)
def test_a_damaged_run_is_named(folder, change, message):
    content = run_content(galaxies(60)) | change
    for written in (nested(content), content):
        (folder / "run.json").write_text(json.dumps(written))
        with pytest.raises(ReportError, match=message):
            read_evidence(folder)


def test_a_run_of_version_0_1_is_read_as_one_of_today(folder):
    flat = run_content(galaxies(60)) | {
        "thresholds": {"min_accuracy": 0.9},
        "cross_validation_settings": {"publish": "ensemble"},
    }
    (folder / "run.json").write_text(json.dumps(flat))
    found = read_evidence(folder)
    assert found.settings["gate"] == {"min_accuracy": 0.9}
    assert found.settings["cross_validation"] == {"publish": "ensemble"}
    assert found.results["gate"] == flat["gate"]
    (folder / "run.json").write_text(json.dumps(nested(flat)))
    assert read_evidence(folder).run == found.run


@pytest.mark.parametrize("text", ["", "[]", "{", '{"name": "x"}'])
def test_a_run_that_is_no_object_is_damaged(folder, text):
    (folder / "run.json").write_text(text)
    with pytest.raises(ReportError, match=r"run\.json is damaged"):
        read_evidence(folder)
