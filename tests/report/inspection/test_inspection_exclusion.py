"""What `[data] exclude` leaves out, as the look before the run and the preflight account for it."""

import csv
import json

from inspected_survey import look_at, request_for

from preprocessing.rejects import REASONS
from preprocessing.rows.division import label_files, stamp_reader
from preprocessing.rows.exclusion import read_rows
from preprocessing.rows.fingerprint import input_fingerprint


def test_every_row_is_still_accounted_for(survey_folder):
    # S01 has a twin under another name, text a stamp that cannot be read, blob no label.
    suspects = survey_folder / "suspects.csv"
    suspects.write_text("name,quality\nS01,0.02\nE03,0.11\ntext,0.2\nblob,0.3\nnobody,0.4\n")
    before = look_at(survey_folder)
    look = look_at(survey_folder, exclude=[str(suspects)])
    account = json.loads((survey_folder / "look" / "inspect.json").read_text())
    assert account["rows"] == 45 == account["examples"] + account["rejects"]
    assert account["reasons"]["excluded"] == 4
    assert account["rejects_by_class"]["elliptical"]["excluded"] == 1
    assert account["rejects_by_class"]["spiral"]["excluded"] == 3
    assert account["data"]["exclude"] == [str(suspects)]
    with open(survey_folder / "look" / "rejects.csv", newline="") as table:
        rejects = {row["name"]: row for row in csv.DictReader(table) if row["reason"] == "excluded"}
    assert rejects.keys() == {"S01", "TWIN", "E03", "text"}
    assert {row["file"] for row in rejects.values()} == {str(suspects)}
    assert rejects["E03"]["message"] == "listed in suspects.csv with quality 0.11"
    assert rejects["TWIN"]["message"].startswith("the same galaxy as S01 (row 2): ")
    kept = {entry.name for entry in look.division.kept}
    assert {entry.name for entry in before.division.kept} - kept == {"S01", "E03"}
    page = (survey_folder / "look" / "index.html").read_text()
    assert REASONS["excluded"] in page
    assert "Suspects.csv: 1 of 5 names" in page


def test_a_changed_list_is_a_changed_input(survey_folder):
    suspects = survey_folder / "suspects.csv"
    data = request_for(survey_folder, exclude=[str(suspects)]).data

    def fingerprint() -> str:
        reader = stamp_reader(data, ("I", "R", "G"), 16)
        return input_fingerprint(label_files(data), read_rows(data).objects, reader)

    seen = []
    for text in ("name\n", "name\nS01\n", "name,quality\nS01,0.5\n"):
        suspects.write_text(text)
        seen += [fingerprint(), fingerprint()]
    assert seen[::2] == seen[1::2] and len(set(seen)) == 3
