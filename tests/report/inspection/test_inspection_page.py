"""The page and the files beside it."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from html_page import Page, check_stands_alone
from inspected_survey import SPITEFUL, look_at, quick_render, request_for, stamp, write_table

from preprocessing.labels.reading import TableError
from preprocessing.rejects import REASONS
from report.inspection.look import InspectionError, inspect_data


def page_of(folder: Path) -> Page:
    return Page((folder / "look" / "index.html").read_text(encoding="utf-8"))


def numbers_of(folder: Path) -> dict:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return json.loads((folder / "look" / "inspect.json").read_text(), parse_constant=refuse)


def test_the_page_stands_alone_and_is_well_formed(survey_folder):
    look_at(survey_folder)
    page = page_of(survey_folder)
    check_stands_alone(page)
    assert page.values("src")
    figures = [attributes["id"] for tag, attributes in page.tags if tag == "figure" and "id" in attributes]
    assert figures == [
        f"figure-{name}" for name in ("magnitudes", "positions", "sizes", "levels", "pixels", "curves")
    ]


def test_names_are_text_and_no_markup(survey_folder):
    look_at(survey_folder, objects=100)
    page = page_of(survey_folder)
    assert SPITEFUL in page.text
    assert SPITEFUL not in page.source and "<b onclick" not in page.source
    assert f"{SPITEFUL}, spiral" in page.values("alt")


def test_the_page_tells_what_was_found(survey_folder):
    look_at(survey_folder)
    text = page_of(survey_folder).text
    assert "✓ A run" in text and "could start" in text
    assert "45 rows: 35 usable, 10 rejected" in text
    assert f"label_conflict: 2 rows, {REASONS['label_conflict']}" in text
    assert "ODD (row 42)" in text or "S02 (row 3)" in text
    assert "12 x 12 pixels, the cut needs 16 x 16" in text
    assert "the header says G, the file name R" in text
    assert "Left out: ZRG: Z has no files." in text
    assert "2 rows contradict another row of the same galaxy" in text


def test_the_numbers_are_those_of_the_survey(survey_folder):
    look_at(survey_folder)
    found = numbers_of(survey_folder)
    assert (found["rows"], found["examples"], found["rejects"]) == (45, 35, 10)
    assert found["classes"] == {"spiral": 20, "elliptical": 12, "uncertain": 3}
    assert found["classes_by_split"]["holdout"] == {"spiral": 8}
    assert sum(found["splits"].values()) == 35 and found["reasons"]["label_conflict"] == 2
    assert found["warnings"] == {"band_contradicted": 1} and found["would_run"] is True
    red = found["bands"]["R"]
    # Stamps of rejected twins and of both sides of a conflict were read, too.
    assert red["stamps"] == 39 and red["sizes"] == {"min": 12, "median": 24, "max": 24, "different": 2}
    assert red["noise"]["50"] == pytest.approx(0.2, rel=0.1)
    assert red["noise"]["16"] < red["noise"]["50"] < red["noise"]["84"]
    assert found["suggested"]["stretch"] == pytest.approx(30 * np.sqrt(0.1**2 + 0.2**2 + 0.1**2) / 3, rel=0.1)
    assert found["suggested"]["minimum"] == [0, 0, 0]
    with open(survey_folder / "look" / "rejects.csv", newline="") as table:
        rejects = list(csv.DictReader(table))
    assert list(rejects[0]) == ["row", "name", "file", "reason", "message"]
    assert [int(reject["row"]) for reject in rejects] == [3, 36, 37, 38, 39, 40, 41, 42, 43, 44]
    with open(survey_folder / "look" / "warnings.csv", newline="") as table:
        assert [note["code"] for note in csv.DictReader(table)] == ["band_contradicted"]


def test_a_second_look_is_the_same_byte_for_byte(survey_folder):
    look_at(survey_folder)
    first = {path.name: path.read_bytes() for path in (survey_folder / "look").iterdir()}
    assert first.keys() == {"index.html", "inspect.json", "rejects.csv", "warnings.csv"}
    look_at(survey_folder)
    assert first == {path.name: path.read_bytes() for path in (survey_folder / "look").iterdir()}


def test_ten_examples_of_each_reason(survey_folder):
    for path in survey_folder.glob("G_stamps/[SEO]*"):
        path.unlink()
    look = look_at(survey_folder)
    page = page_of(survey_folder)
    assert page.text.count("no such file") == 10 and "The first 10; rejects.csv lists all." in page.text
    assert look.obstacle.startswith("No elliptical galaxy has usable stamps")
    assert any("of the rows cannot be used" in finding.text for finding in look.findings)


def test_a_band_without_files_is_found_and_the_others_are_shown(survey_folder):
    look = look_at(survey_folder, rgb="Z-R-G")
    assert look.obstacle.startswith("Band Z has no files (")
    text = page_of(survey_folder).text
    assert "✗ A run" in text and "would not start" in text and "Left out: ZRG: Z has no files" in text
    assert numbers_of(survey_folder)["bands"]["Z"]["noise"]["50"] is None
    assert [view.title for view in look.sheets.presets.views] == ["IRG", "IGU"]


def test_a_cut_larger_than_all_stamps_is_found(survey_folder):
    look = look_at(survey_folder, cut=40)
    assert "0 of 41 objects" in look.obstacle and "40 x 40 pixels" in look.obstacle
    assert look.findings[0].remedy.startswith("24 pixels")
    text = page_of(survey_folder).text
    assert "too_small: 24 x 24 pixels" in text


def test_nothing_at_all_is_no_reason_to_fail(survey_folder):
    write_table(survey_folder / "labels.csv", [("a", "spiral", 1, 1, 1), ("b", "elliptical", 2, 2, 2)])
    look = look_at(survey_folder)
    assert look.obstacle.startswith("Bands I, R and G have no files (")
    assert "missing_file" in page_of(survey_folder).text


def test_no_label_at_all(survey_folder):
    write_table(survey_folder / "labels.csv", [("a", "blob", 1, 1, 1), ("b", "", 2, 2, 2)])
    look = look_at(survey_folder)
    assert look.obstacle.startswith("No spiral galaxy")
    assert "There are no objects to show." in page_of(survey_folder).text


def test_one_object(survey_folder):
    write_table(survey_folder / "labels.csv", [("S01", "spiral", "", "", 99)])
    look = look_at(survey_folder)
    assert len(look.division.kept) == 1 and look.obstacle
    page = page_of(survey_folder)
    assert "All objects have stamps of one size." in page.text
    assert "figure-positions" not in page.values("id") and "figure-magnitudes" not in page.values("id")


def test_cubes(tmp_path):
    rng = np.random.default_rng(0)
    rows = []
    for index in range(40):
        rows.append((f"c{index}", ("spiral", "elliptical")[index % 2], index, 0, 15))
        fits.writeto(tmp_path / f"c{index}.fits", np.stack([stamp(rng, band) for band in "GRIU"]))
    write_table(tmp_path / "labels.csv", rows)
    cubes = {"stamps": str(tmp_path / "{name}.fits"), "cube_bands": ("G", "R", "I", "U")}
    look = look_at(tmp_path, **cubes)
    assert not look.obstacle and len(look.division.kept) == 40
    assert [view.title for view in look.sheets.presets.views] == ["IRG", "IGU"]
    assert "the cubes have no F660" in page_of(tmp_path).text
    with pytest.raises(InspectionError, match="cube_bands lacks band Z"):
        look_at(tmp_path, rgb="ZRG", **cubes)


def test_votes_and_matches_are_shown(survey_folder):
    objects = "".join(f"{name},{10 + place},-5\n" for place, name in enumerate(["S00", "S01", "S02"]))
    (survey_folder / "positions.csv").write_text(f"name,ra,dec\n{objects}")
    smooth, features, arms = (
        "t01_smooth_or_features_a01_smooth_debiased",
        "t01_smooth_or_features_a02_features_or_disk_debiased",
        "t04_spiral_a08_spiral_debiased",
    )
    (survey_folder / "labels.csv").write_text(
        f"objid,ra,dec,{smooth},{features},{arms}\n5,10,-5,0.1,0.9,0.9\n6,11,-5,0.95,0.05,0\n7,12,-5,0.5,0.5,0.5\n"
    )
    look_at(survey_folder, positions=str(survey_folder / "positions.csv"))
    page = page_of(survey_folder)
    assert "figure-votes" in page.values("id") and "matches.csv" in page.text
    with open(survey_folder / "look" / "matches.csv", newline="") as table:
        assert [match["stamp_name"] for match in csv.DictReader(table)] == ["S00", "S01", "S02"]


def test_a_table_that_cannot_be_used_and_a_folder_that_cannot_be_written(survey_folder):
    with pytest.raises(InspectionError, match="cannot be created"):
        inspect_data(request_for(survey_folder), survey_folder / "labels.csv" / "x", render=quick_render)
    (survey_folder / "labels.csv").write_text("a,b\n1,2\n")
    with pytest.raises(TableError):
        look_at(survey_folder)


def test_real_galaxies_on_different_scales(real_data, tmp_path):
    stamps = real_data / "kids-stamps"
    changes = {
        "labels": str(stamps / "labels.csv"),
        "stamps": str(stamps / "{band}_stamps" / "{name}_{band}.fits"),
        "bands": ("U", "G", "R", "I", "Z"),
        "cut": 64,
    }
    look = look_at(tmp_path, **changes)
    assert "38 of 38" in look.obstacle and "of one colour" in look.obstacle
    assert len(look.division.kept) == 38 and look.division.rows == 42
    (stretch,) = (finding for finding in look.findings if finding.kind == "warning")
    (scale,) = (finding for finding in look.findings if "orders of magnitude" in finding.text)
    assert scale.kind == "note" and "flux_factors = {Z = 1e-12}" in scale.remedy, "Z is not in the picture"
    assert "expect black pictures" in stretch.text
    assert 1e-11 < look.suggestion.stretch < 1e-9
    zrg = look_at(tmp_path, rgb="ZRG", **changes)
    assert "orders of magnitude" in next(found.text for found in zrg.findings if found.kind == "warning")
    mended = look_at(tmp_path, flux_factors={"Z": 1e-12}, stretch=look.suggestion.stretch, **changes)
    assert not mended.obstacle and not [found for found in mended.findings if found.kind == "warning"]
