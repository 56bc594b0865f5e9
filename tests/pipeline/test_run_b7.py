"""The network of the published method, from random weights, in both phases of training, on 80 galaxies."""

import json

import pytest
from whole_runs import CONFIG, galmorph, report, simulated_survey, states

from pipeline.errors import ExitStatus

pytestmark = pytest.mark.slow

GALAXIES = 80


def test_efficientnetb7_at_128_pixels(tmp_path):
    text = CONFIG.replace("cut = 96", "cut = 128").replace("size = 32", "size = 128")
    text = text.replace("TinyConv", "EfficientNetB7").replace("fine_tune_epochs = 15", "fine_tune_epochs = 1")
    text = text.replace("[train]", "[train]\nviews = 1\nbatch_size = 8")
    simulated_survey(tmp_path, text, galaxies=GALAXIES, size=128)
    result = galmorph("run", tmp_path / "galmorph.toml")
    # After one epoch from random weights all probabilities may be equal, and the gate refuses the model.
    assert result.returncode in (ExitStatus.DONE, ExitStatus.NOT_GOOD_ENOUGH), result.stdout + result.stderr
    assert {state for node, state in states(result).items() if node != "Pusher"} == {"done"}
    summary = report(tmp_path, "metrics.json")["cross_validation"]
    assert summary["phases"] == "head" and len(summary["folds"]) == 5
    nodes = json.loads((tmp_path / "run/report/nodes.json").read_text())
    peak = max(node["memory"] for node in nodes)
    assert peak < 10 * 2**30, f"{peak / 2**30:.1f} GiB"
