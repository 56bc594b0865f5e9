"""Labels corrected by name: affected rows, duplicates and conflicts, and unusable tables."""

import math

import pytest

from preprocessing.data_settings import DataSettings, SplitSettings
from preprocessing.rows.corrections import CorrectionError, correction_counts
from preprocessing.rows.division import divide, label_files
from preprocessing.rows.exclusion import read_rows

NEAR = 10 + 0.5 / 3600
ROWS = [
    ("a", "spiral", 10, 0),
    ("b", "spiral", 20, 0),
    ("c", "elliptical", 30, 0),
    ("d", "spiral", NEAR, 0),  # the same place as a
    ("e", "elliptical", 40, 0),
    ("e", "spiral", 40, 0),  # contradicts the row before
    ("f", "blob", 50, 0),  # no label
]


@pytest.fixture
def settings(tmp_path):
    lines = ["name,label,ra,dec", *(",".join(map(str, row)) for row in ROWS)]
    (tmp_path / "labels.csv").write_text("\n".join(lines) + "\n")

    def make(*tables: str, **others) -> DataSettings:
        paths = [tmp_path / f"corrections{number}.csv" for number in range(len(tables))]
        for path, text in zip(paths, tables, strict=True):
            path.write_text(text)
        tables = {"corrections": [str(path) for path in paths], **others}
        return DataSettings(labels=str(tmp_path / "labels.csv"), stamps="{name}_{band}", **tables)

    return make


def kept(data: DataSettings) -> dict[str, int]:
    """Return the label of each object that a run would use."""
    table = read_rows(data)
    division = divide(table, {}, data, SplitSettings())
    assert len(division.kept) + len(division.rejects) == table.rows == len(ROWS)
    return {entry.name: entry.label for entry in division.kept}


def test_a_correction_counts_in_place_of_the_label(settings):
    assert kept(settings()) == {"a": 0, "b": 0, "c": 1}
    data = settings("name,label\nb,elliptical\nc,1\n")
    assert kept(data) == {"a": 0, "b": 1, "c": 1}
    table = read_rows(data)
    assert correction_counts(table.corrected) == {"spiral to elliptical": 1, "unchanged": 1}
    (b, c) = table.corrected
    assert (b.row, b.before, b.after, b.message) == (2, "spiral", "elliptical", "corrections0.csv (row 1)")
    assert c.before == c.after == "elliptical"
    assert "labels from [data] corrections: 1 spiral to elliptical, 1 unchanged" in table.notes


@pytest.mark.parametrize("name", ["a", "d"])
def test_a_galaxy_is_corrected_with_all_its_rows(settings, name):
    assert kept(settings(f"name,label\n{name},elliptical\n"))["a"] == 1, "no conflict of a and d"


def test_a_contradiction_between_rows_is_decided(settings):
    assert kept(settings("name,label\ne,spiral\n"))["e"] == 0


def test_a_row_without_a_label_is_used(settings):
    data = settings("name,label\nf,uncertain\n")
    assert kept(data)["f"] == -1
    assert correction_counts(read_rows(data).corrected) == {"unreadable to uncertain": 1}


def test_what_is_left_out_stays_so(settings, tmp_path):
    (tmp_path / "out.csv").write_text("name\nb\n")
    data = settings("name,label\nb,elliptical\n", exclude=[str(tmp_path / "out.csv")])
    assert kept(data) == {"a": 0, "c": 1}


def test_names_that_no_row_has_are_counted(settings):
    table = read_rows(settings("name,label\nb,spiral\nx,spiral\n\n"))
    assert any(note.startswith("corrections0.csv: 1 of 2 names") for note in table.notes)


def test_an_empty_table_corrects_nothing(settings):
    assert kept(settings("name,label\n")) == kept(settings())


def test_two_tables_that_agree(settings):
    assert kept(settings("name,label\nb,1\n", "name,label\nb,elliptical\n"))["b"] == 1


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        (
            ["name,label\nb,0\nb,1\n"],
            r"labels for b: spiral in .* \(row 1\) and elliptical in",
        ),
        (["name,label\nb,0\n", "name,label\nb,-1\n"], "spiral in .*0.csv .* uncertain in corrections1.csv"),
        (["name,label\na,0\nd,1\n"], "labels for a and d, which are one galaxy: spiral in .* elliptical in"),
        (
            ["name,label\nb,lenticular\n"],
            r"b \(row 1\) the label 'lenticular', which is none of spiral, e",
        ),
        (["name\nb\n"], r"has no column 'label', which \[data\] corrections needs"),
        ([""], "corrections0.csv"),
    ],
)
def test_a_table_that_cannot_be_used(settings, tables, message):
    with pytest.raises(CorrectionError, match=message) as caught:
        read_rows(settings(*tables))
    assert "\n" not in str(caught.value) and caught.value.key == "corrections"


def test_votes_for_the_former_label_are_not_used(tmp_path):
    columns = "objid,p_el_debiased,p_cs_debiased,nvote,p_el,p_cw,p_acw,p_edge,p_dk,p_mg,p_cs"
    (tmp_path / "gz1.csv").write_text(
        f"{columns}\n1,0.95,0.05,30,0,0,0,0,0,0,0\n2,0.9,0.1,30,0,0,0,0,0,0,0\n"
    )
    (tmp_path / "right.csv").write_text("name,label\n1,spiral\n")
    paths = {"labels": str(tmp_path / "gz1.csv"), "corrections": [str(tmp_path / "right.csv")]}
    one, other = read_rows(DataSettings(stamps="{name}_{band}", **paths)).objects
    assert one.label == 0 and math.isnan(one.vote_elliptical) and math.isnan(one.vote_spiral)
    assert other.label == 1 and other.vote_elliptical == 0.9


def test_the_tables_are_among_the_files_that_a_run_depends_on(settings, tmp_path):
    assert tmp_path / "corrections0.csv" in set(label_files(settings("name,label\n")))
