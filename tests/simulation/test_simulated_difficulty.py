"""Accuracy with colours and concentration only. It must be limited for the demo to be meaningful.

Run ``python tests/simulation/test_simulated_difficulty.py SURVEY`` for the numbers of a survey on disk, which
needs the bands U G R I.
"""

import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from survey_measures import colour_and_concentration, read_planes, read_rows, voted_class

from simulation.survey import simulate_survey

FEATURES = {"colour": [0, 1, 2], "concentration": [3, 4], "both": [0, 1, 2, 3, 4]}
CLASSIFIERS = {
    "logistic regression": make_pipeline(StandardScaler(), LogisticRegression()),
    "gradient boosting": GradientBoostingClassifier(n_estimators=60, subsample=0.7, random_state=0),
}


def baseline(survey: Path) -> tuple[int, float, dict[tuple[str, str], float]]:
    """Return number of galaxies, share of the larger class, and 5-fold accuracies."""
    measured, elliptical = [], []
    for label, truth in read_rows(survey):
        if truth["damage"] or voted_class(label) == "uncertain":
            continue
        measured.append(colour_and_concentration(read_planes(survey, label["name"], ("U", "G", "R", "I"))))
        elliptical.append(voted_class(label) == "elliptical")
    features, target = np.array(measured), np.array(elliptical)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    accuracy = {
        (name, kind): float(cross_val_score(classifier, features[:, columns], target, cv=folds).mean())
        for name, classifier in CLASSIFIERS.items()
        for kind, columns in FEATURES.items()
    }
    share = float(np.mean(target))
    return len(target), max(share, 1 - share), accuracy


@pytest.mark.slow
def test_colour_and_concentration_are_a_clue_but_not_the_answer(tmp_path):
    simulate_survey(tmp_path / "survey", 700, seed=21, bands=("U", "G", "R", "I"))
    count, majority, accuracy = baseline(tmp_path / "survey")
    assert count > 500
    assert majority < 0.62
    for name in CLASSIFIERS:
        assert 0.78 < accuracy[name, "both"] < 0.90
        assert accuracy[name, "both"] > accuracy[name, "colour"] > majority + 0.1


if __name__ == "__main__":
    total, larger, results = baseline(Path(sys.argv[1]))
    print(f"{total} galaxies, larger class {larger:.3f}")
    for (who, what), value in results.items():
        print(f"{who:20} {what:14} {value:.3f}")
