"""Kinds, votes and colours of the simulated galaxies."""

import csv
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from survey_measures import voted_class

from preprocessing.bands import BAND_TABLE, BANDS, Band
from preprocessing.data_settings import DataSettings
from preprocessing.labels.galaxy_zoo import ARMS_COUNTS, FIRST_COUNTS, NOT_EDGE_ON, SMOOTH
from preprocessing.labels.reading import read_labels
from simulation.objects import draw_object, label_row, render_object, truth_row
from simulation.population import KINDS, SERSIC_STEP
from simulation.spectra import PASSBANDS, band_ratios
from simulation.streams import Purpose, random_stream
from simulation.survey import simulate_survey
from simulation.votes import draw_votes


@pytest.fixture(scope="module")
def targets():
    """Return two thousand objects."""
    return [draw_object(11, index) for index in range(2000)]


@pytest.fixture(scope="module")
def classes(targets) -> list[str]:
    """Return the class that the votes give each object."""
    return [
        voted_class({name: str(value) for name, value in label_row(target).items()}) for target in targets
    ]


def test_mix_of_classes(classes):
    counts = Counter(classes)
    assert 0.40 < counts["spiral"] / len(classes) < 0.50
    assert 0.36 < counts["elliptical"] / len(classes) < 0.44
    assert 0.12 < counts["uncertain"] / len(classes) < 0.20


def test_volunteers_agree_with_the_truth_where_they_decide(targets, classes):
    table = Counter((target.galaxy.kind, label) for target, label in zip(targets, classes, strict=True))
    kinds = Counter(target.galaxy.kind for target in targets)
    assert set(kinds) == set(KINDS)
    assert table["elliptical", "elliptical"] > 0.97 * kinds["elliptical"]
    assert 0.88 * kinds["spiral"] < table["spiral", "spiral"] < 0.99 * kinds["spiral"]
    for kind in ("lenticular", "compact"):
        assert table[kind, "uncertain"] > 0.93 * kinds[kind]
    assert table["elliptical", "spiral"] == table["spiral", "elliptical"] == 0


def test_edge_on_and_armless_spirals_get_no_votes_for_arms(targets):
    spiral = next(target.galaxy for target in targets if target.galaxy.visibility > 0.3)
    for change in ({"inclination": 84.0}, {"arm_strength": 0.005}):
        galaxy = replace(spiral, **change)
        votes = [draw_votes(galaxy, random_stream(0, Purpose.VOTES, index)) for index in range(50)]
        assert np.mean([vote.spiral for vote in votes]) < 0.3
    clear = [draw_votes(spiral, random_stream(0, Purpose.VOTES, index)) for index in range(50)]
    assert np.mean([vote.spiral for vote in clear]) > 0.93
    assert np.std([vote.spiral for vote in clear]) > 0.01


def test_votes_are_fractions_that_need_not_add_up_to_one(targets):
    votes = [target.votes for target in targets]
    sums = np.array([vote.smooth + vote.features_or_disk + vote.star_or_artifact for vote in votes])
    assert 0.9 < sums.min() < 0.99 < 1.01 < sums.max() < 1.1
    assert all(
        0 <= value <= 1 for vote in votes for value in (vote.smooth, vote.features_or_disk, vote.spiral)
    )
    volunteers = np.array([vote.total_classifications for vote in votes])
    assert 38 < volunteers.mean() < 46


def test_galaxies_are_resolved_and_as_bright_as_those_of_galaxy_zoo(targets):
    galaxies = [target.galaxy for target in targets if target.galaxy.kind != "compact"]
    assert all(4 <= galaxy.radius <= 14 for galaxy in galaxies)
    brightness = np.percentile([galaxy.magnitude for galaxy in galaxies], [2, 50, 98])
    assert 12 < brightness[0] < brightness[1] < brightness[2] < 17
    assert 14 < brightness[1] < 15.5
    assert all(galaxy.sersic_index % SERSIC_STEP == 0 for galaxy in galaxies)
    assert {galaxy.arms for galaxy in galaxies if galaxy.kind == "spiral"} == {2, 3, 4}


def test_truth_has_the_same_columns_for_every_kind(targets):
    columns = {tuple(truth_row(target, ["R"])) for target in targets[:200]}
    assert len(columns) == 1


def test_spectra_redden_with_age_and_dust_and_are_monotonic_in_the_continuum():
    assert tuple(PASSBANDS) == BANDS
    wavelengths = [BAND_TABLE[band].wavelength for band in BANDS]
    assert wavelengths == sorted(wavelengths)
    broad = ["U", "G", "R", "I", "Z"]
    young, old = band_ratios(broad, age=0), band_ratios(broad, age=1)
    assert (np.diff(old) > 0).all()
    assert (old[:2] < young[:2]).all()
    assert (old[3:] > young[3:]).all()
    dusty = band_ratios(broad, age=0, reddening=0.5)
    assert dusty[2] == young[2] == 1
    assert dusty[0] < young[0]
    assert dusty[4] > young[4]


def test_a_band_more_changes_no_other(monkeypatch):
    """A new band in the middle of the table does not change the others."""
    import simulation.fields
    import simulation.objects
    from simulation.spectra import _passband

    target, bands = draw_object(0, 3), ["R", "I"]
    before, corner = render_object(target, 0, bands, 48)
    numbers = [band.number for band in BAND_TABLE.values()]
    assert numbers == list(range(12)), "these are the seeds of surveys that exist"
    more = [*BAND_TABLE.values(), Band("F700", 700, 12)]
    table = {band.name: band for band in sorted(more, key=lambda band: band.wavelength)}
    for module in (simulation.fields, simulation.objects, simulation.spectra):
        monkeypatch.setattr(module, "BAND_TABLE", table)
    passbands = {name: _passband(name) for name in table}
    assert PASSBANDS["R"].dust > passbands["F700"].dust > PASSBANDS["I"].dust
    for module in (simulation.fields, simulation.spectra):
        monkeypatch.setattr(module, "PASSBANDS", passbands)
    simulation.fields.observe_field.cache_clear()
    after, again = render_object(target, 0, ["R", "F700", "I"], 48)
    simulation.fields.observe_field.cache_clear()
    assert again == corner and np.array_equal(after[[0, 2]], before)
    assert np.isfinite(after[1]).all() and after[1].std() > 0


def test_the_label_table_has_every_column_that_is_asked_for(tmp_path):
    """There are no notes on missing columns, and counts are consistent with fractions."""
    simulate_survey(tmp_path / "survey", 120, seed=2, size=32, bands=["R"], workers=1)
    data = DataSettings(labels=str(tmp_path / "survey/labels.csv"), stamps="{band}/{name}.fits")
    assert read_labels(data).notes == []
    with open(tmp_path / "survey/labels.csv", newline="") as table:
        rows = list(csv.DictReader(table))
    for row in rows:
        answers = [int(row[column]) for column in FIRST_COUNTS]
        assert sum(answers) == int(row["total_classifications"])
        assert answers[0] / sum(answers) == pytest.approx(float(row[SMOOTH]), abs=0.06)
        arms = [int(row[column]) for column in ARMS_COUNTS]
        assert sum(arms) == round(answers[1] * float(row[NOT_EDGE_ON]))
