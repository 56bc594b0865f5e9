"""What a person sees of a sweep on the terminal."""

import io
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from swept import NAMES, finish, points_of

from report.sweep.record import SweepRecord
from report.sweep.terminal import MOST_LINES, show_point, show_sweep


def shown(action):
    console = Console(file=io.StringIO(), width=60)
    action(console)
    return console.file.getvalue().splitlines()


def test_a_line_a_point(tmp_path):
    axes = {"model.weights": ["[bold]a", "b", "c"]}
    points = points_of(axes)
    results = SweepRecord(tmp_path / "sweep", points, axes)
    finish(results, points[0], tmp_path, NAMES[:1])
    assert shown(lambda console: show_point(console, results, points[0])) == [
        "  1 of 3              done       12.5 s  0.9500 +- 0.0100  AUC 0.9900  rank 1  weights [bold]a"
    ]
    finish(results, points[0], tmp_path, NAMES[:1], seconds=None)
    (line,) = shown(lambda console: show_point(console, results, points[0]))
    assert " ".join(line.split()).startswith("1 of 3 done cache hit 0.9500")
    finish(results, points[1], tmp_path, auc=None)
    (line,) = shown(lambda console: show_point(console, results, points[1]))
    assert " ".join(line.split()) == "2 of 3 done 12.5 s 1.0000 +- 0.0100 AUC - rank 1 weights b"
    results.failed(points[2], "no [red]memory " * 20)
    (line,) = shown(lambda console: show_point(console, results, points[2]))
    assert line.startswith("  3 of 3              failed  weights c: no [red]memory no")

    lines = shown(lambda console: show_sweep(console, results, Path("a", "very" * 20, "index.html"), 90))
    assert lines[0] == "sweep" and lines[1].split()[-2:] == ["weights", "b"] and "best" in lines[1]
    assert "AUC 0.9900  p = 1.00" in lines[2] and lines[3].startswith("  failed  weights c: no [red]")
    assert "  points              2 done, 1 failed" in lines
    assert f"  page                {Path('a', 'very' * 20, 'index.html')}" in lines
    assert lines[-1] == "  time                1.5 min"


def test_a_long_ranking_is_cut(tmp_path):
    axes = {"q": [str(value) for value in range(MOST_LINES + 5)]}
    points = points_of(axes)
    results = SweepRecord(tmp_path / "sweep", points, axes)
    for point in points:
        finish(results, point, tmp_path)
    lines = shown(lambda console: show_sweep(console, results, Path("index.html"), 1))
    assert sum("AUC" in line for line in lines) == MOST_LINES
    assert "  not shown           5 more are in sweep.csv" in lines


def test_nothing_heavy_is_loaded():
    code = "import sys, report.sweep.page, report.sweep.terminal, pipeline.sweep.grid; print(*sys.modules)"
    project = Path(__file__).resolve().parents[3]
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=project
    ).stdout.split()
    assert not {"tensorflow", "keras", "tfx", "apache_beam", "sklearn", "scipy", "trainer"} & set(loaded)
