"""A run keeps the reports of earlier runs."""

import json
import os
from pathlib import Path

import pytest
from report_folder import galaxies, run_content, write_folder

from pipeline import cli
from pipeline.child import Outcome, RunPaths
from pipeline.collect_report import collect_report
from pipeline.config import Settings
from report.evidence.folders import finish_of

SETTINGS = Settings.model_validate(
    {"pipeline": {"root": "r"}, "data": {"labels": "l", "stamps": "{name}{band}"}, "push": {"directory": "m"}}
)


class Root:
    """A root with successive runs."""

    def __init__(self, folder: Path, monkeypatch) -> None:
        self.folder, self._patch, self._minute = folder, monkeypatch, 0
        monkeypatch.setattr("pipeline.collect_report.build", lambda copy: {"of": copy.name})

    def end(self, artifact: str, stretch: float = 3.0) -> None:
        """End a run whose report is an artifact, a minute after the one before."""
        made = self.folder / "artifacts" / artifact
        if not made.exists():
            image = {**run_content(galaxies(400))["image"], "stretch": stretch}
            write_folder(made, data=galaxies(400), bare=True, image=image)
        when = f"2026-11-26T23-{self._minute:02d}-00"
        self._minute += 1
        self._patch.setattr("pipeline.collect_report.time.strftime", lambda *_: when)
        outputs = {"MorphologyReport": {"report": str(made)}}
        collect_report(RunPaths(self.folder), Outcome(outputs=outputs), SETTINGS)

    @property
    def reports(self) -> dict[str, str]:
        """The artifact of each report."""
        folders = [self.folder / "report", *self.folder.glob("reports/*")]
        return {
            os.path.relpath(folder, self.folder): json.loads((folder / "finished.json").read_text())[
                "artifact"
            ]
            for folder in folders
        }


@pytest.fixture
def root(tmp_path, monkeypatch) -> Root:
    return Root(tmp_path / "run", monkeypatch)


def test_the_newest_report_is_where_it_always_was_and_earlier_ones_are_kept(root):
    root.end("1")
    assert root.reports == {"report": "artifacts/1"}
    root.end("2", stretch=5.0)
    assert root.reports == {"report": "artifacts/2", "reports/2026-11-26T23-00-00": "artifacts/1"}


def test_a_run_that_found_nothing_new_leaves_no_copy(root):
    for artifact in ("1", "1", "2", "1", "1"):
        root.end(artifact)
    assert root.reports == {"report": "artifacts/1", "reports/2026-11-26T23-02-00": "artifacts/2"}
    assert json.loads((root.folder / "report/finished.json").read_text())["time"] == "2026-11-26T23-00-00"


def test_a_report_of_an_earlier_version_is_kept_too(root):
    write_folder(root.folder / "report", bare=True)
    root.end("1")
    (kept,) = (root.folder / "reports").iterdir()
    assert (kept / "predictions.csv").is_file()
    assert finish_of(root.folder / "report")["artifact"] == "artifacts/1"


def compare(capsys, monkeypatch, *runs: object) -> tuple[int, str, str]:
    monkeypatch.setattr("sys.argv", ["galmorph", "compare", *map(str, runs)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    output = capsys.readouterr()
    return ended.value.code or 0, output.out, output.err


@pytest.fixture
def two(root) -> Path:
    root.end("1")
    root.end("2", stretch=5.0)
    return root.folder


@pytest.mark.parametrize("when", ["2026-11-26T23-00-00", "2026-11-26T23-00", "2026-11-26 23:00"])
def test_two_runs_of_one_root_are_compared_by_their_time(two, capsys, monkeypatch, when):
    monkeypatch.setenv("COLUMNS", "300")
    status, out, err = compare(capsys, monkeypatch, f"{two}@{when}", two)
    assert (status, err) == (0, ""), err
    first, second = (line for line in out.splitlines() if line.startswith("     image.stretch = "))
    assert (first.strip(), second.strip()) == ("image.stretch = 3", "image.stretch = 5")
    assert f"{two}@2026-11-26T23-01-00" in out, "the newest is told apart by its time, too"
    assert (two / "comparison/index.html").is_file(), "under the root"
    assert "image.stretch = 5" in (two / "comparison/index.html").read_text()
    runs = json.loads((two / "comparison/comparison.json").read_text())["runs"]
    assert [run["differs"] for run in runs] == ["image.stretch = 3", "image.stretch = 5"]


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("@2027", "has no report of 2027; available are 2026-11-26T23-00-00, 2026-11-26T23-01-00"),
        ("@2026-11-26", "several reports of 2026-11-26: 2026-11-26T23-00-00, 2026-11-26T23-01-00"),
        ("@", "several reports of any time: 2026-11-26T23-00-00"),
    ],
)
def test_an_unknown_time_is_refused_with_the_known_ones(two, capsys, monkeypatch, when, said):
    status, _, err = compare(capsys, monkeypatch, f"{two}{when}", two)
    assert status == 2 and len(err.splitlines()) == 1 and said in err


def test_a_single_run_is_refused_with_the_other_runs_of_its_root(two, capsys, monkeypatch):
    status, _, err = compare(capsys, monkeypatch, two)
    assert status == 2 and f"galmorph compare {two}@2026-11-26T23-00-00 {two}" in err


def test_the_same_run_by_two_names_is_refused(two, capsys, monkeypatch):
    status, _, err = compare(capsys, monkeypatch, f"{two}@2026-11-26T23-01", two)
    assert status == 2 and "the same run as" in err
