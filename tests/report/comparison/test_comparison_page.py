"""The page, the files and the terminal of a comparison, and what bad input gets."""

import functools
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from compared_runs import N, answering, compare_tables, rows_in_test
from html_page import Page, check_stands_alone
from report_folder import galaxies, png, write_folder
from rich.console import Console

from pipeline.commands.compare import compare_runs
from pipeline.errors import InputError
from report.comparison.disagreements import MOST_SHOWN
from report.comparison.write import compare_reports, comparison_numbers, write_comparison
from report.errors import ReportError
from report.evidence.folders import report_folder


@pytest.fixture
def compared(tmp_path: Path):
    """The comparison of runs that are written from tables of galaxies."""
    return functools.partial(compare_tables, tmp_path)


def test_a_run_that_answers_alike_is_not_called_better(compared, tmp_path):
    data = galaxies(N)
    comparison = compared(data, data)
    pair = comparison.pairs[0]
    assert pair.p_value == 1 and pair.differences["auc"].interval == (0, 0)
    text = page_of(comparison, tmp_path)
    assert "40 common test galaxies" in text and "significantly" not in text.split('id="numbers"')[0]
    assert text.count("There is no such galaxy.") == 2


def page_of(comparison, folder: Path) -> str:
    return write_comparison(comparison, folder).read_text()


def test_the_page_shows_pictures_of_either_report_and_says_where_there_are_none(compared, tmp_path):
    one, other = galaxies(N), answering(galaxies(N))
    comparison = compared(one, other)
    pair = comparison.pairs[0]
    names = [pair.common.names[row] for row in (*pair.only_one, *pair.only_other)]
    folder = tmp_path / "run-1" / "report" / "pictures"
    folder.mkdir()
    (folder / "a.png").write_bytes(png(1))
    (folder / "b.png").write_text("no picture")
    index = {"galaxies": {names[0]: {"picture": "a.png"}, names[1]: {"picture": "b.png"}}}
    (folder / "index.json").write_text(json.dumps(index))
    text = page_of(compare_reports([tmp_path / "run-0", tmp_path / "run-1"]), tmp_path / "out")
    assert text.count("data:image/png;base64,") == 1
    assert "b.png of B is not a PNG" in text
    assert text.count("no picture: not in either report") == len(names) - 2
    assert all(name in text for name in names)


def test_both_pictures_are_shown_where_the_runs_see_the_galaxies_differently(compared, tmp_path):
    one, other = galaxies(N), answering(galaxies(N))
    compared(one, other)
    name = "pictures/index.json"
    shown = {}
    for number, stretch in enumerate((3.0, 10.0)):
        folder = tmp_path / f"run-{number}" / "report"
        run = json.loads((folder / "run.json").read_text())
        run["settings"]["image"]["stretch"] = stretch
        (folder / "run.json").write_text(json.dumps(run))
        (folder / "pictures").mkdir()
        (folder / "pictures" / "x.png").write_bytes(png(number))
        shown = {name: {"picture": "x.png"} for name in one["name"]}
        (folder / name).write_text(json.dumps({"galaxies": shown}))
    comparison = compare_reports([tmp_path / "run-0", tmp_path / "run-1"])
    text = page_of(comparison, tmp_path / "out")
    count = sum(len(rows) for rows in (comparison.pairs[0].only_one, comparison.pairs[0].only_other))
    assert text.count("data:image/png;base64,") == 2 * count
    assert text.count("as A sees it</small>") == count
    assert "image.stretch" in text and ">3</td><td>10</td>" in text


def test_no_more_than_some_pictures_and_the_farthest_apart_first(compared, tmp_path):
    data = galaxies(2000)
    comparison = compared(data, {**data, "p": 1 - data["p"]})
    pair = comparison.pairs[0]
    apart = np.abs(pair.common.one - pair.common.other)
    assert (np.diff(apart[pair.only_other]) <= 0).all()
    text = page_of(comparison, tmp_path)
    assert text.count("<figcaption><b>") <= 2 * MOST_SHOWN
    assert f"Shown are the {MOST_SHOWN} " in text


def test_three_runs_are_compared_with_the_first(compared, tmp_path):
    data = galaxies(N)
    comparison = compared(data, answering(data), answering(data, 2))
    assert [pair.title for pair in comparison.pairs] == ["B against A", "C against A"]
    numbers = comparison_numbers(comparison)
    assert [run["letter"] for run in numbers["runs"]] == ["A", "B", "C"]
    text = page_of(comparison, tmp_path)
    check_stands_alone(Page(text))
    written = json.loads((tmp_path / "comparison.json").read_text())
    assert written == json.loads(json.dumps(numbers))


@pytest.mark.parametrize("odd", ["nan", "one class", "equal", "no folds"])
def test_odd_runs_are_compared_as_far_as_can_be(compared, tmp_path, odd):
    data, other = galaxies(N), answering(galaxies(N))
    rows = rows_in_test(data)
    run = {}
    if odd == "nan":
        other["p"][rows[::2]] = np.nan
    elif odd == "one class":
        for table in (data, other):
            table["label"] = np.where(table["split"] == "test", 0, table["label"])
    elif odd == "equal":
        other["p"] = np.full(N, np.float32(0.5))
    else:
        run = {"cross_validation": None}
    comparison = compared(data, other, **run)
    text = page_of(comparison, tmp_path)
    assert "NaN" not in (tmp_path / "comparison.json").read_text()
    assert not re.search(r"\bnan\b|None", text)
    assert (comparison.pairs[0].differences["auc"].value is None) == (odd in ("nan", "one class"))


def test_names_are_escaped(compared, tmp_path):
    data = galaxies(N)
    evil = "<script>alert(1)</script>"
    data["name"] = np.array([f"{evil} {number}" for number in range(N)])
    text = page_of(compared(data, answering(data), name=evil), tmp_path)
    assert "<script" not in text and "&lt;script&gt;alert(1)" in text


def test_the_command_writes_beside_the_first_report_and_prints_all(compared, tmp_path):
    data = galaxies(N)
    compared(data, answering(data))
    console = Console(width=100, record=True, file=io.StringIO())
    # A root and a report folder are both names of a run.
    compare_runs([tmp_path / "run-0", tmp_path / "run-1" / "report"], None, console)
    page = tmp_path / "run-0" / "comparison" / "index.html"
    assert page.is_file() and (page.parent / "comparison.json").is_file()
    text = console.export_text()
    assert str(page) in text and "accuracy" in text and "A and B" not in text.split("number")[0]
    compare_runs([tmp_path / "run-0", tmp_path / "run-1"], tmp_path / "x" / "y", console)
    assert (tmp_path / "x" / "y" / "index.html").is_file()


def bad_input(tmp_path: Path, case: str) -> list[Path]:
    one, other = tmp_path / "run-0", tmp_path / "run-1"
    folder = other / "report"
    if case == "one run":
        return [one]
    if case == "twice":
        return [one, one / "report"]
    if case == "absent":
        return [one, tmp_path / "nowhere"]
    if case == "a file":
        return [one, folder / "run.json"]
    if case == "no report":
        return [one, tmp_path]
    if case == "older":
        (folder / "run.json").unlink()
    elif case == "damaged":
        (folder / "predictions.csv").write_text("name,ra\nx,1\n")
    elif case == "not JSON":
        (folder / "run.json").write_text("{")
    elif case == "disjoint":
        data = galaxies(N)
        data["name"] = np.array([f"other {name}" for name in data["name"]])
        write_folder(folder, data=data, pictures=False)
    elif case == "untested":
        data = galaxies(N)
        data["split"] = np.where(data["split"] == "test", "train", data["split"])
        write_folder(folder, data=data, pictures=False)
    elif case == "nobody":
        write_folder(folder, data={key: values[:0] for key, values in galaxies(N).items()}, pictures=False)
    return [one, other]


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("one run", "needs two runs"),
        ("twice", "is the same run as"),
        ("absent", "nowhere does not exist"),
        ("a file", "is not a folder"),
        ("no report", "has no report"),
        ("older", "has no run.json"),
        ("damaged", "predictions.csv is damaged"),
        ("not JSON", "run.json is damaged"),
        ("disjoint", "40 of 40 test galaxies of .*run-1 are left out: 40 not in .*run-0"),
        ("untested", "The test split of .*run-1 is empty"),
        ("nobody", "The test split of .*run-1 is empty"),
    ],
)
def test_bad_input_is_one_line_that_says_what_is_wrong(compared, tmp_path, case, words):
    compared(galaxies(N), answering(galaxies(N)))
    with pytest.raises(InputError, match=words) as caught:
        compare_runs(bad_input(tmp_path, case), None, Console(quiet=True))
    assert "\n" not in str(caught.value)


def test_a_page_that_cannot_be_written_is_named(compared, tmp_path):
    compared(galaxies(N), answering(galaxies(N)))
    (tmp_path / "out").write_text("a file")
    with pytest.raises(InputError, match=r"out.* cannot be written"):
        compare_runs([tmp_path / "run-0", tmp_path / "run-1"], tmp_path / "out", Console(quiet=True))


def test_a_report_is_found_by_its_root_and_by_itself(tmp_path):
    folder = write_folder(tmp_path / "run" / "report", 40, pictures=False)
    assert report_folder(tmp_path / "run") == report_folder(folder) == folder
    with pytest.raises(ReportError, match="has no report"):
        report_folder(tmp_path)
