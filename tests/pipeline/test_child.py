"""Jobs whose process ends early."""

import io
import sys
from pathlib import Path

import pytest
from rich.console import Console

from pipeline.child import Job, opened_log, run_jobs
from pipeline.config import load_settings

FAKE = """#!{python}
import json, os, signal, sys
jobs = len(json.load(open(sys.argv[-2])))
events = os.fdopen(int(sys.argv[-1]), "w")
def tell(kind, **fields):
    print(json.dumps({{"kind": kind, **fields}}), file=events, flush=True)
{body}
"""


@pytest.fixture
def outcomes_of(tmp_path, monkeypatch):
    """Return the outcomes of three jobs in a process that runs the given code."""

    def run(body: str):
        program = tmp_path / "python"
        program.write_text(FAKE.format(python=sys.executable, body=body))
        program.chmod(0o755)
        monkeypatch.setattr("preprocessing.safe_python.sys.executable", str(program))
        config = tmp_path / "any.toml"
        config.write_text(
            '[pipeline]\nroot = "run"\n[data]\nlabels = "a.csv"\nstamps = "{band}/{name}.fits"\n'
            '[push]\ndirectory = "models"\n'
        )
        jobs = [Job("run", load_settings(config), "fingerprint")] * 3
        seen: list[int] = []
        with opened_log(Path(tmp_path, "run"), "run") as (log, lock):
            console = Console(file=io.StringIO())
            outcomes = run_jobs(jobs, log, lock, console, lambda number, outcome: seen.append(number))
        return outcomes, seen

    return run


def messages(outcomes):
    return [outcome.failure and outcome.failure.message for outcome in outcomes]


DIES = "os.kill(os.getpid(), signal.SIGKILL)"
KILLED = "the pipeline's process ended with signal 9"


def test_a_crash_fails_its_own_job_and_the_others_are_run(outcomes_of):
    # The first process is given three jobs and dies in the second, the next is given the third alone.
    outcomes, seen = outcomes_of(
        f'tell("JobEvent", number=0)\nif jobs == 3:\n'
        f'    tell("FailureEvent", message="no such band", input=True)\n    tell("JobEvent", number=1)\n'
        f'    tell("NodeEvent", node="A", state="running")\n    {DIES}\n'
        f'tell("NodeEvent", node="A", state="done", outputs={{"a": str(jobs)}})'
    )
    assert messages(outcomes) == ["no such band", KILLED, None]
    assert outcomes[2].outputs == {"A": {"a": "1"}} and seen == [0, 1, 2]


def test_every_crash_fails_one_job(outcomes_of):
    outcomes, seen = outcomes_of(f'tell("JobEvent", number=0)\n{DIES}')
    assert messages(outcomes) == [KILLED] * 3 and seen == [0, 1, 2]


def test_no_process_is_started_after_one_that_dies_before_its_first_job(outcomes_of):
    outcomes, seen = outcomes_of(f'if jobs < 3:\n    {DIES}\ntell("JobEvent", number=0)\n{DIES}')
    assert messages(outcomes) == [KILLED] * 3
    assert seen == [0], "the others were not started"


def test_a_job_that_a_process_did_not_finish_has_failed(outcomes_of):
    outcomes, seen = outcomes_of(
        'tell("JobEvent", number=0)\nif jobs == 3:\n'
        '    tell("FailureEvent", message="no such band", input=True)\n    tell("JobEvent", number=1)\n'
        "    sys.exit(1)"
    )
    assert messages(outcomes) == ["no such band", "the pipeline's process ended with status 1", None]
    assert seen == [0, 1, 2]


def test_a_failed_job_does_not_affect_the_next_ones(outcomes_of):
    outcomes, seen = outcomes_of(
        'tell("JobEvent", number=0)\ntell("FailureEvent", message="no such band", input=True)\n'
        'tell("JobEvent", number=1)\ntell("NodeEvent", node="A", state="done", outputs={"a": "b"})\n'
        'tell("JobEvent", number=2)\nsys.exit(1)'
    )
    assert messages(outcomes) == ["no such band", None, None]
    assert outcomes[1].outputs == {"A": {"a": "b"}}
    assert seen == [0, 1, 2]


def test_an_end_without_an_event_is_a_failure(outcomes_of):
    outcomes, _ = outcomes_of('tell("JobEvent", number=0)\nsys.exit(1)')
    assert set(messages(outcomes)) == {"the pipeline's process ended with status 1"}


def test_no_temporary_files_are_left(outcomes_of, tmp_path, monkeypatch):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    outcomes, _ = outcomes_of(
        "import tempfile\n(lambda path: open(path, 'w'))(tempfile.mkdtemp() + '/left')\n"
        'tell("JobEvent", number=0)\ntell("FailureEvent", message=tempfile.gettempdir(), input=True)\n'
        "sys.exit(1)"
    )
    assert outcomes[0].failure.message.startswith(f"{temporary}/galmorph-")
    assert not list(temporary.iterdir())
