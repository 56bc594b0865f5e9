"""Whatever the JSON files of a run hold, there is a page, or one line that says what is wrong."""

import json
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from markupsafe import Markup
from report_folder import write_folder

import report.html.svg
import report.topics.numbers
from report.errors import ReportError
from report.evidence.reading import RUN, read_evidence
from report.run.build import build

FILES = (RUN, "history.json", "nodes.json", "lineage.json", "ingest.json", "pictures/index.json")
GONE = object()
WRONG = (GONE, None, True, 5, -1, 0.5, 1e300, "", "x", [], {}, [None], [[]], {"x": None}, {"x": {}})
TRIED = 30
"""Of each file; several thousand are possible."""


def places(content: Any, place: tuple = ()) -> Iterator[tuple]:
    """Where something stands in some content."""
    yield place
    if isinstance(content, dict | list):
        for key in content if isinstance(content, dict) else range(len(content)):
            yield from places(content[key], (*place, key))


def changed(content: Any, place: tuple, value: Any) -> Any:
    """A copy of some content with something else at a place."""
    if not place:
        return value
    content = json.loads(json.dumps(content))
    holder = content
    for part in place[:-1]:
        holder = holder[part]
    if value is GONE:
        del holder[place[-1]]
    else:
        holder[place[-1]] = value
    return content


def damages(name: str, content: Any) -> list[tuple[tuple, Any]]:
    """Places with something wrong for each: as often at a key of the file as within its long lists."""
    rng = random.Random(name)
    every = [(place, value) for place in places(content) for value in WRONG if place or value is not GONE]
    depths = sorted({len(place) for place, _ in every})
    at = {depth: [one for one in every if len(one[0]) == depth] for depth in depths}
    return [rng.choice(at[depths[number % len(depths)]]) for number in range(TRIED)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run with folds, of which every file says something."""
    return write_folder(
        tmp_path_factory.mktemp("damaged"),
        60,
        gate={"blessed": False, "reasons": ["accuracy is too low"]},
        tfma={"accuracy": 0.9, "auc": 0.95},
        cross_validation_settings={"phases": "head", "publish": "single"},
        temperature=1.2,
        thresholds={"min_accuracy": 0.9},
    )


@pytest.fixture
def quick(monkeypatch):
    """Let a build take no longer than it must: nothing is painted, and galaxies are resampled but once."""
    monkeypatch.setattr(report.html.svg, "_svg", lambda figure, name: Markup("<svg></svg>"))
    monkeypatch.setattr(report.html.svg, "_png", lambda figure: b"")
    intervals, known = report.topics.numbers.score_intervals, {}

    def remembered(labels, p, seed):
        key = np.asarray(labels).tobytes(), np.asarray(p).tobytes()
        if key not in known:
            known[key] = intervals(labels, p, seed=seed)
        return known[key]

    monkeypatch.setattr(report.topics.numbers, "score_intervals", remembered)


@pytest.mark.parametrize("name", FILES)
def test_there_is_a_page_or_one_line(whole, quick, name):
    path = whole / name
    text = path.read_text()
    content = json.loads(text)
    shown = False
    try:
        for place, value in damages(name, content):
            path.write_text(json.dumps(changed(content, place, value)))
            try:
                problem = read_evidence(whole).problems.get(name, "")
            except ReportError as error:
                assert name == RUN and "\n" not in str(error), (place, value)
                continue
            assert "\n" not in problem
            # What is refused is not looked at: one page is like another.
            if not problem or not shown:
                build(whole)
                shown |= bool(problem)
    finally:
        path.write_text(text)


# Each ended in a traceback once: at the drawing of it, in the album, in a template, in a number's format.
@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("nodes.json", [{}], "nodes.json is damaged: there is no [0].node."),
        ("nodes.json", {}, "nodes.json is damaged: it should be a valid array."),
        ("nodes.json", [{"node": "A", "seconds": "1"}], '[0].seconds is "1" and should be a valid number.'),
        ("history.json", {"network": {"loss": [0.5, "x"]}}, 'network.loss[1] is "x" and should be a valid'),
        ("history.json", {"network": {"loss": [1e300]}}, "network.loss[0] is 1e+300"),
        ("history.json", {"folds": [{"head": {"loss": [1]}}]}, "there is no folds[0].fold."),
        ("ingest.json", {"rows": "many"}, 'rows is "many" and should be a valid integer.'),
        ("ingest.json", {"reasons": {"unreadable": None}}, "reasons.unreadable is null and should be"),
        ("lineage.json", {"artifacts": [5]}, "artifacts[0] is 5 and should be an object."),
        ("pictures/index.json", {"galaxies": []}, "galaxies should be an object."),
        ("pictures/index.json", {"galaxies": {"a": {"views": None}}}, "galaxies.a.views is null and should"),
        ("pictures/index.json", {"problems": {"a": {}}}, "problems.a should be a valid string."),
    ],
)
def test_the_wrong_value_of_an_optional_file_is_named(whole, name, content, problem):
    text = (whole / name).read_text()
    try:
        (whole / name).write_text(json.dumps(content))
        assert problem in read_evidence(whole).problems[name]
    finally:
        (whole / name).write_text(text)


@pytest.mark.parametrize(
    ("place", "value", "problem"),
    [
        (("name",), None, "name is null and should be a valid string"),
        (("results", "gate", "reasons"), GONE, "there is no results.gate.reasons"),
        (("results", "tfma", "accuracy"), "NaN", 'tfma.accuracy is "NaN" and should be a valid number'),
        (("results", "temperature"), 0, "temperature is 0 and should be greater than 0"),
        (("settings", "image", "stretch"), [], "image.stretch should be a valid number"),
        (("versions", "numpy"), 2, "versions.numpy is 2 and should be a valid string"),
        (("results", "cross_validation", "folds"), GONE, "there is no results.cross_validation.folds"),
        (("results", "cross_validation", "folds", 1, "n"), 0, "folds[1] has an accuracy but no galaxies"),
        (
            ("results", "cross_validation", "accuracy_mean"),
            1.5,
            "accuracy_mean is 1.5 and should be less than or equal",
        ),
        (
            ("settings", "decision", "precision"),
            None,
            "decision.precision is null and should be a valid number",
        ),
    ],
)
def test_the_wrong_value_of_a_run_is_named_in_one_line(whole, place, value, problem):
    text = (whole / RUN).read_text()
    try:
        (whole / RUN).write_text(json.dumps(changed(json.loads(text), place, value)))
        with pytest.raises(ReportError) as error:
            read_evidence(whole)
        assert f"{RUN} is damaged: " in str(error.value) and problem in str(error.value)
        assert "\n" not in str(error.value)
    finally:
        (whole / RUN).write_text(text)


def test_keys_that_are_not_known_are_kept(whole):
    text = (whole / "nodes.json").read_text()
    try:
        (whole / "nodes.json").write_text(json.dumps([{"node": "A", "host": {"name": "b"}}]))
        assert read_evidence(whole).nodes == [{"node": "A", "host": {"name": "b"}}]
    finally:
        (whole / "nodes.json").write_text(text)
