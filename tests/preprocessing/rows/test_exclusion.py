"""Galaxies left out by name: affected rows, messages, and unusable tables."""

from pathlib import Path

import pytest

from preprocessing.data_settings import DataSettings, SplitSettings
from preprocessing.rows.division import divide, label_files
from preprocessing.rows.exclusion import ExclusionError, read_rows

NEAR = 10 + 0.5 / 3600
ROWS = [
    ("a", "spiral", 10, 0),
    ("b", "spiral", 20, 0),
    ("c", "elliptical", 30, 0),
    ("a", "spiral", 10, 0),  # the same name
    ("d", "spiral", NEAR, 0),  # the same place as a
    ("e", "elliptical", 40, 0),
    ("f", "spiral", 40, 0),  # contradicts e
    ("g", "blob", 50, 0),
]


@pytest.fixture
def settings(tmp_path):
    lines = ["name,label,ra,dec", *(",".join(map(str, row)) for row in ROWS)]
    (tmp_path / "labels.csv").write_text("\n".join(lines) + "\n")

    def make(*lists: str, **others) -> DataSettings:
        for number, text in enumerate(lists):
            (tmp_path / f"list{number}.csv").write_text(text)
        return DataSettings(
            labels=str(tmp_path / "labels.csv"),
            stamps="{name}_{band}.fits",
            exclude=[str(tmp_path / f"list{number}.csv") for number in range(len(lists))],
            **others,
        )

    return make


def outcome(data: DataSettings) -> tuple[set[str], dict[int, str]]:
    """Return the names kept, and the reason for each row that is not."""
    table = read_rows(data)
    division = divide(table, {}, data, SplitSettings())
    reasons = {reject.row: reject.reason for reject in division.rejects}
    kept = {entry.row for entry in division.kept}
    assert len(kept) + len(division.rejects) == table.rows == len(ROWS)
    assert kept | reasons.keys() == set(range(1, len(ROWS) + 1))
    return {entry.name for entry in division.kept}, reasons


def test_nothing_is_left_out_unless_asked(settings):
    kept, reasons = outcome(settings())
    assert kept == {"a", "b", "c"}
    assert reasons == {
        4: "duplicate_name",
        5: "duplicate_position",
        6: "label_conflict",
        7: "label_conflict",
        8: "bad_label",
    }


def test_the_reject_names_the_list_and_its_quality(settings, tmp_path):
    table = read_rows(settings("rank,name,quality\n1,b,0.0123\n", "name\nc\nb\n"))
    rejects = {reject.row: reject for reject in table.rejects}
    assert rejects.keys() == {2, 3, 8}
    assert (rejects[2].name, rejects[2].reason) == ("b", "excluded")
    assert rejects[2].file == str(tmp_path / "list0.csv")
    assert rejects[2].message == "listed in list0.csv with quality 0.0123"
    assert rejects[3].message == "listed in list1.csv" and rejects[8].reason == "bad_label"
    assert [entry.name for entry in table.excluded] == ["b", "c"] and table.notes == []


@pytest.mark.parametrize("name", ["a", "d"])
def test_all_rows_of_an_excluded_galaxy_are_left_out(settings, name):
    kept, reasons = outcome(settings(f"name\n{name}\n"))
    assert kept == {"b", "c"}
    assert reasons[1] == reasons[4] == reasons[5] == "excluded"
    messages = {reject.row: reject.message for reject in read_rows(settings(f"name\n{name}\n")).rejects}
    named, other = (1, 5) if name == "a" else (5, 1)
    assert messages[named] == "listed in list0.csv"
    assert messages[other] == f"the same galaxy as {name} (row {named}): listed in list0.csv"


def test_rows_of_one_galaxy_are_found_with_the_duplicate_radius(settings):
    kept, reasons = outcome(settings("name\na\n", duplicate_radius=0))
    assert kept == {"b", "c", "d", "e", "f"} and reasons == {1: "excluded", 4: "excluded", 8: "bad_label"}


def test_excluding_a_galaxy_removes_its_label_conflict(settings):
    kept, reasons = outcome(settings("name\ne\n"))
    assert kept == {"a", "b", "c"}
    assert reasons[6] == reasons[7] == "excluded" and "label_conflict" not in reasons.values()


def test_names_that_no_row_has_are_counted(settings):
    table = read_rows(settings("name\nb\nx\ny\nx\ng\n\n", "name\nb\n"))
    (note,) = table.notes
    assert note.startswith("list0.csv: 2 of 4 names")


@pytest.mark.parametrize("text", ["name,quality\n", "name\n"])
def test_an_empty_list_leaves_nothing_out(settings, text):
    assert outcome(settings(text)) == outcome(settings())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "nane\nb\n",
            r"list0\.csv has no column 'name', which \[data\] exclude needs; the nearest is 'nane'",
        ),
        ("", r"list0\.csv"),
        ("name\n5.88018E+17\n", "last digits are lost"),
    ],
)
def test_a_list_that_cannot_be_used(settings, text, message):
    with pytest.raises(ExclusionError, match=message) as caught:
        read_rows(settings(text))
    assert "\n" not in str(caught.value) and caught.value.key == "exclude"


def test_a_list_that_is_not_there(settings, tmp_path):
    data = settings("name\nb\n")
    (tmp_path / "list0.csv").unlink()
    with pytest.raises(ExclusionError, match=r"list0\.csv does not exist"):
        read_rows(data)


def test_the_lists_are_among_the_files_that_a_run_depends_on(settings, tmp_path):
    data = settings("name\nb\n", "name\nc\n")
    assert set(label_files(data)) == {tmp_path / name for name in ("labels.csv", "list0.csv", "list1.csv")}
    assert set(label_files(settings())) == {Path(tmp_path, "labels.csv")}
