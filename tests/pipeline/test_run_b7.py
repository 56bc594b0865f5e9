"""The network of the published method, from random weights, in both phases of training, on 40 galaxies.

The pipeline runs up to the exported model. What follows is the same for every network, and slow for this one.
"""

import pytest
from rich.console import Console
from whole_runs import CONFIG, simulated_survey

from pipeline.child import Job, opened_log, run_jobs
from pipeline.config import load_settings
from pipeline.preflight import check_before_run

pytestmark = pytest.mark.slow

GALAXIES = 40


def test_efficientnetb7_at_128_pixels(tmp_path):
    text = CONFIG.replace("cut = 96", "cut = 128").replace("size = 32", "size = 128")
    text = text.replace("TinyConv", "EfficientNetB7").replace("fine_tune_epochs = 15", "fine_tune_epochs = 1")
    text = text.replace("[train]", "[train]\nviews = 1\nbatch_size = 8")
    simulated_survey(tmp_path, text, galaxies=GALAXIES, size=128)
    settings = load_settings(tmp_path / "galmorph.toml", [])
    fingerprint = check_before_run(settings).fingerprint
    with opened_log(tmp_path / "run", "run") as (log, lock):
        (outcome,) = run_jobs([Job("training", settings, fingerprint)], log, lock, Console(quiet=True))
    assert outcome.failure is None, log.read_text()[-3000:]
    assert {node.state for node in outcome.nodes} == {"done"} and outcome.nodes[-1].node == "Trainer"
    assert (tmp_path / "run/artifacts/HeadTrainer").is_dir()
    peak = max(node.memory for node in outcome.nodes)
    assert peak < 10 * 2**30, f"{peak / 2**30:.1f} GiB"
    (model,) = (tmp_path / "run/artifacts/Trainer/model").rglob("saved_model.pb")
    assert model.stat().st_size < 64 * 2**20
