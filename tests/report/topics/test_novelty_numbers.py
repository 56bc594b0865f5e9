import numpy as np
import pytest
from report_folder import galaxies, write_folder

from report.evidence.reading import read_evidence
from report.run.choice import UNLIKE, choose
from report.topics.novelty import novelty_numbers, novelty_text


def test_galaxies_beyond_the_limit_are_counted_and_shown_farthest_first(tmp_path):
    data = galaxies(400)
    predictions = read_evidence(write_folder(tmp_path, data=data, pictures=False)).predictions
    found = novelty_numbers(predictions)["splits"]
    assert set(found) == {"test", "uncertain", "holdout"}
    for split, numbers in found.items():
        here = data["split"] == split
        assert numbers["n"] == here.sum()
        assert numbers["unlike"] == (data["novelty"][here] >= 0.99).sum()
        assert numbers["median_distance"] == pytest.approx(np.median(data["distance"][here]), rel=1e-5)
    unlike = np.isin(data["split"], list(found)) & (data["novelty"] >= 0.99)
    order = np.argsort(-data["distance"][unlike])
    chosen = choose(predictions, None)
    assert list(chosen.panels[UNLIKE]) == data["name"][unlike][order].tolist()[:24]
    assert chosen.totals[UNLIKE] == unlike.sum() > 0


def test_a_model_of_before_has_none(tmp_path):
    data = galaxies(100)
    data["novelty"], data["distance"] = [""] * 100, [""] * 100
    predictions = read_evidence(write_folder(tmp_path, data=data, pictures=False)).predictions
    assert novelty_numbers(predictions) is None
    assert choose(predictions, None).panels[UNLIKE] == ()
    assert "does not measure" in novelty_text({"novelty": None})
