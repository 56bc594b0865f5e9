"""The pipeline on real stamps in four bands."""

import pytest
from whole_runs import CONFIG, galmorph, report

pytestmark = pytest.mark.slow


def test_real_multi_band_stamps_end_to_end(real_data, tmp_path):
    (tmp_path / "galmorph.toml").write_text(CONFIG)
    kids = real_data / "kids-stamps"
    result = galmorph(
        "run",
        tmp_path / "galmorph.toml",
        *("--set", f"data.labels={kids / 'labels.csv'}"),
        *("--set", f"data.stamps={kids}/{{band}}_stamps/{{name}}_{{band}}.fits"),
        *("--set", "image.cut=64", "--set", "image.stretch=3e-11", "--set", "data.max_blank=0.5"),
        *("--set", "data.bands=['I', 'R', 'G', 'U']", "--set", "split.balance=false"),
        *("--set", "gate.min_galaxies=1"),
    )
    assert result.returncode == 0, result.stdout + result.stderr
    ingest = report(tmp_path, "ingest.json")
    assert ingest["rows"] == 42 and ingest["bands"] == ["U", "G", "R", "I"]
    assert ingest["reasons"] == {"missing_file": 4}, "the NGC galaxies have no U"
    assert (tmp_path / "models/1/saved_model.pb").is_file()
