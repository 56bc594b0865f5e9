"""`galmorph sweep`: results and exit status for different outcomes. The pipeline itself is simulated."""

import csv
import json
from pathlib import Path

import pytest
from small_survey import exit_status, write_survey

from evaluation.formats.out_of_fold import SCORES_FILE
from pipeline.child import Outcome
from pipeline.events import FailureEvent, NodeEvent

KILLED = FailureEvent("the pipeline's process ended with signal 9", input=False)


@pytest.fixture
def config(tmp_path, write_stamp):
    return write_survey(tmp_path, write_stamp)


@pytest.fixture
def sweep(config, monkeypatch, capsys):
    """Sweep three stretches, each with an outcome and whether it was started; return status and messages."""

    def run(*courses: tuple[Outcome, bool], watch=lambda: None):
        def run_jobs(jobs, log, lock, console, finished):
            watch()
            for number, (outcome, begun) in enumerate(courses):
                if begun:
                    finished(number, outcome)
                    watch()
            return [outcome for outcome, _ in courses]

        monkeypatch.setattr("pipeline.sweep.run.run_jobs", run_jobs)
        monkeypatch.setattr("report.sweep.page.render_examples", lambda *_: None)  # it would load TensorFlow
        status = exit_status(monkeypatch, "sweep", config, "--stretch", "3,4,5")
        return status, capsys.readouterr()

    return run


def scored(folder: Path, *states: str) -> Outcome:
    """Return the outcome of a point whose folds ended in some states."""
    summary = folder / "summary"
    summary.mkdir(exist_ok=True)
    measures = {f"{name}_{of}": 0.9 for name in ("accuracy", "auc", "loss") for of in ("mean", "std")}
    pooled = {"accuracy": 0.5, "auc": 0.5, "loss": 0.5, "ece": 0.1, "n": 2}
    folds = [{"fold": 0, "accuracy": 0.9}, {"fold": 1, "accuracy": 0.9}]
    found = {"phases": "all", "folds": folds, **measures, "pooled": pooled}
    (summary / "cross_validation.json").write_text(json.dumps(found))
    (summary / SCORES_FILE).write_text("name,label,fold,p_elliptical\na,0,0,0.1\ne,1,1,0.2\n")
    nodes = [NodeEvent(f"FoldTrainer-{fold}", state) for fold, state in enumerate(states)]
    return Outcome(outputs={"CrossValidation": {"summary": str(summary)}}, nodes=nodes, seconds=4.6)


def table(folder: Path) -> list[dict[str, str]]:
    with open(folder / "run/sweep/sweep.csv", newline="") as lines:
        return list(csv.DictReader(lines))


def test_a_failed_point_does_not_fail_the_sweep(sweep, tmp_path):
    done = scored(tmp_path, "done", "done")
    status, said = sweep((done, True), (Outcome(KILLED), True), (done, True))
    assert status == 0 and "2 done, 1 failed" in said.out
    assert "1 of 3 points failed" in said.err and "not begun" not in said.err


def test_points_that_were_not_started_fail_the_sweep(sweep, tmp_path):
    done = scored(tmp_path, "done", "done")
    status, said = sweep((done, True), (Outcome(KILLED), True), (Outcome(KILLED), False))
    assert status == 1 and "1 done, 1 failed, 1 waiting" in said.out
    assert "1 of 3 points were not started" in said.err and "signal 9" in said.err
    assert "1 of 3 points failed" in said.err and "the log is" in said.err


def test_the_page_never_shows_an_earlier_sweep(sweep, tmp_path):
    page = tmp_path / "run/sweep/index.html"
    page.parent.mkdir(parents=True)
    page.write_text("the page of an earlier sweep")
    seen: list[str] = []
    done = scored(tmp_path, "done", "done")
    sweep((done, True), (Outcome(KILLED), True), (done, True), watch=lambda: seen.append(page.read_text()))
    for text, said in zip(
        seen, ("0 of 3 settings", "1 of 3 settings", "done, 1 failed", "2 of 3 settings"), strict=True
    ):
        assert said in text


def test_a_cache_hit_has_no_training_time(sweep, tmp_path):
    courses = (("done", "done"), ("cached", "cached"), ("cached", "done"))
    sweep(*((scored(tmp_path, *states), True) for states in courses))
    times = {row["stretch"]: (row["seconds"], row["found_again"]) for row in table(tmp_path)}
    assert times == {"3": ("4.6", "false"), "4": ("", "true"), "5": ("", "true")}
