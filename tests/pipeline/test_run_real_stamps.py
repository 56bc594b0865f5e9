"""The pipeline on real stamps in four bands, too few of them for a model to be published."""

import pytest
from whole_runs import UNTRIED, galmorph, report

pytestmark = pytest.mark.slow


def test_real_stamps_go_through_and_the_gate_wants_more_of_them(real_data, tmp_path):
    (tmp_path / "galmorph.toml").write_text(UNTRIED)
    kids = real_data / "kids-stamps"
    result = galmorph(
        "run",
        tmp_path / "galmorph.toml",
        *("--set", f"data.labels={kids / 'labels.csv'}"),
        *("--set", f"data.stamps={kids}/{{band}}_stamps/{{name}}_{{band}}.fits"),
        *("--set", "image.cut=64", "--set", "image.stretch=3e-11", "--set", "data.max_blank=0.5"),
        *("--set", "data.bands=['I', 'R', 'G', 'U']", "--set", "split.balance=false"),
        *("--set", "cross_validation.phases=none", "--set", "train.fine_tune_epochs=2"),
    )
    assert result.returncode == 3, result.stdout + result.stderr
    ingest = report(tmp_path, "ingest.json")
    assert ingest["rows"] == 42 and ingest["bands"] == ["U", "G", "R", "I"]
    assert ingest["reasons"] == {"missing_file": 4}, "the NGC galaxies have no U"
    metrics = report(tmp_path, "metrics.json")
    assert metrics["test"]["n"] == 3 and not metrics["gate"]["blessed"]
    # Before the run as a note, after it as the verdict.
    assert "min_galaxies = 10" in " ".join(result.stdout.split())
    assert "must have at least 10 (min_galaxies)" in result.stderr
    assert not (tmp_path / "models").exists()
