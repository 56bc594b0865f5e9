"""The streaming pass: numbers against numpy and astropy, every row accounted for, light imports."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.stats import mad_std
from inspected_survey import CUT, request_for

import report.inspection.survey
from preprocessing.data_settings import SplitSettings
from preprocessing.labels.reading import read_labels
from preprocessing.rows.division import divide, stamp_reader
from report.inspection.measures import PixelHistogram
from report.inspection.survey import survey_stamps

PROJECT = Path(__file__).resolve().parent.parent.parent.parent


def surveyed(folder, **changes):
    request = request_for(folder, **changes)
    table = read_labels(request.data)
    reader = stamp_reader(request.data, request.bands, request.side)
    return table, survey_stamps(table.objects, reader, workers=request.workers)


def test_statistics_are_those_of_numpy_and_astropy(survey_folder):
    table, survey = surveyed(survey_folder)
    bad = {reject.row for reject in survey.rejects}
    cut = slice((24 - CUT) // 2, (24 + CUT) // 2)
    y, x = np.mgrid[:CUT, :CUT] - (CUT - 1) / 2
    corners = np.hypot(x, y) > CUT / 2
    for band, found in survey.bands.items():
        files = [
            survey_folder / f"{band}_stamps" / f"{entry.name}_{band}.fits"
            for entry in table.objects
            if entry.row not in bad
        ]
        planes = [fits.getdata(file).astype("f8")[cut, cut] for file in files]
        assert found.column("sky") == pytest.approx([np.median(plane[corners]) for plane in planes], abs=1e-6)
        assert found.column("noise") == pytest.approx([mad_std(plane[corners]) for plane in planes], rel=1e-5)
        assert found.column("mean") == pytest.approx([plane.mean() for plane in planes], rel=1e-5)
        assert found.column("peak") == pytest.approx([plane[4:12, 4:12].max() for plane in planes])
        assert not found.column("blank").any()
        assert found.pixels.total == CUT * CUT * len(files)
        for percent in (1, 50, 99):
            expected = np.percentile(np.ravel(planes), percent, method="inverted_cdf")
            assert found.pixels.percentile(percent) == pytest.approx(expected, rel=0.04)


def test_every_row_is_accounted_for_as_the_ingest_does(survey_folder):
    table, survey = surveyed(survey_folder)
    bad = {reject.row: reject for reject in survey.rejects}
    division = divide(table, bad, request_for(survey_folder).data, SplitSettings())
    assert len(division.kept) == 35 and division.rows == 45
    assert Counter(reject.reason for reject in division.rejects) == {
        "missing_file": 1,
        "too_blank": 1,
        "unreadable": 1,
        "too_small": 1,
        "duplicate_name": 1,
        "duplicate_position": 1,
        "label_conflict": 2,
        "bad_label": 1,
        "no_name": 1,
    }
    assert [(note.name, note.code) for note in survey.notes] == [("E00", "band_contradicted")]


def test_sizes_of_stamps_too_small_count(survey_folder):
    _, survey = surveyed(survey_folder)
    assert survey.bands["R"].sizes[12, 12] == 1
    assert survey.smallest[12] == 1 and survey.sized == survey.smallest[24] + 1
    assert survey.large_enough(12) == survey.large_enough(13) + 1 == survey.sized


def test_processes_change_nothing(survey_folder, monkeypatch):
    monkeypatch.setattr(report.inspection.survey, "BATCH_ROWS", 5)
    _, one = surveyed(survey_folder)
    _, two = surveyed(survey_folder, workers=2)
    assert one.rejects == two.rejects and one.notes == two.notes and one.smallest == two.smallest
    for band, found in one.bands.items():
        assert np.array_equal(found.values, two.bands[band].values)
        assert np.array_equal(found.pixels.counts, two.bands[band].pixels.counts)


def test_a_cube_holds_all_bands(tmp_path):
    planes = np.random.default_rng(0).normal([[[0]], [[5]], [[9]]], 1, (3, 20, 20)).astype("f4")
    fits.writeto(tmp_path / "one.fits", planes)
    (tmp_path / "labels.csv").write_text("name,label\none,spiral\n")
    stamps = str(tmp_path / "{name}.fits")
    _, survey = surveyed(tmp_path, stamps=stamps, cube_bands=("G", "R", "I"))
    assert [survey.bands[band].median("sky") for band in "GRI"] == pytest.approx([0, 5, 9], abs=0.5)


@pytest.mark.parametrize("scale", [1e-30, 1e-10, 1.0, 1e6])
def test_the_histogram_finds_percentiles_at_any_scale(scale):
    rng = np.random.default_rng(1)
    flux = (scale * rng.standard_t(2, size=(60, 200))).astype("f4")
    flux[0, :3] = np.nan, np.inf, 0
    whole, parts = PixelHistogram(), PixelHistogram()
    with np.errstate(all="ignore"):
        for row in flux:
            whole.count(row)
            other = PixelHistogram()
            other.count(row)
            parts.add(other)
    assert np.array_equal(whole.counts, parts.counts)
    assert whole.total == flux.size - 2
    pixels = flux[np.isfinite(flux)]
    for percent in (1, 10, 90, 99):
        expected = np.percentile(pixels, percent, method="inverted_cdf")
        assert whole.percentile(percent) == pytest.approx(expected, rel=0.04)
    assert np.all(np.diff(whole.edges) > 0)
    assert len(whole.edges) == len(whole.counts) + 1 == len(whole.centres) + 1


def test_an_empty_histogram_has_no_percentiles():
    assert np.isnan(PixelHistogram().percentile(50))


def test_the_pass_loads_nothing_heavy():
    code = "import sys, report.inspection.survey; print(*{name.split('.')[0] for name in sys.modules})"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT)
    loaded = set(result.stdout.split())
    assert "numpy" in loaded
    assert not loaded & {"tfx", "tensorflow", "apache_beam", "keras", "matplotlib"}
