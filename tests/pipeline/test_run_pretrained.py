"""A pretraining on galaxies, and a run that starts from its weights."""

import json
from pathlib import Path

import numpy as np
import pytest
from whole_runs import UNTRIED, galmorph, simulated_survey

from trainer.backbone import build_backbone

pytestmark = pytest.mark.slow


def test_pretrained_weights_start_a_run(tmp_path):
    simulated_survey(tmp_path, UNTRIED)
    out = tmp_path / "tiny.weights.h5"
    result = galmorph("pretrain", tmp_path / "galmorph.toml", out, "--labelled")
    assert result.returncode == 0, result.stdout + result.stderr
    about = json.loads(Path(f"{out}.json").read_text())
    assert about["model"]["backbone"] == "TinyConv" and about["sha256"] in result.stdout
    loaded = build_backbone("TinyConv", weights=str(out), weights_sha256=about["sha256"], image_size=64)
    fresh = build_backbone("TinyConv", weights="none", image_size=64)
    assert np.abs(loaded.get_weights()[0] - fresh.get_weights()[0]).max() > 0.01
    out.write_bytes(out.read_bytes()[:-1000])
    result = galmorph("run", tmp_path / "galmorph.toml", "--set", f"model.weights={out}")
    assert result.returncode == 2 and str(out) in result.stderr and len(result.stderr.splitlines()) == 1
