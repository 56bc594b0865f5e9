"""Suspect labels: whether they are meaningful, and how to exclude them."""

import html
import json
import tomllib

import numpy as np
import pytest
from report_folder import galaxies, write_folder

from evaluation.suspects import suspect_labels
from report.run.build import build
from report.topics.suspects import doubt_text, exclusion, suspect_numbers


def pooled(interval):
    return {"intervals": {"auc": interval}}


@pytest.mark.parametrize(
    ("scores", "meaningful", "fact"),
    [
        (pooled((0.93, 0.99)), True, ""),
        (pooled((0.44, 0.68)), False, "0.4400 to 0.6800"),
        (pooled((0.2, 0.4)), False, "0.2000 to 0.4000"),
        (pooled(None), False, "AUC is not known"),
        (None, False, "AUC is not known"),
    ],
)
def test_folds_that_guess_suspect_nothing(scores, meaningful, fact):
    suspects = suspect_labels(["a", "b", "c", "d"], [0, 0, 1, 1], [0] * 4, [0.1, 0.95, 0.8, 0.9])
    found = suspect_numbers(suspects, scores)
    assert (found["n"], found["issues"], found["meaningful"]) == (4, 1, meaningful)
    text = doubt_text(found)
    assert fact in text and bool(text) != meaningful


def test_the_lines_name_the_file_where_the_run_has_written_it():
    lines = exclusion('[pipeline]\nroot = "/data/my \\"run\\""\n')
    path = '/data/my "run"/report/suspect_labels.csv'
    assert tomllib.loads(lines) == {"data": {"exclude": path}}


@pytest.mark.parametrize(
    "text", ["", "[pipeline]", "[pipeline]\nroot = 3", "pipeline = 3", "{", '[pipeline]\nroot="x"']
)
def test_an_unknown_place_is_not_made_up(text):
    assert exclusion(text) == ""


def section(folder):
    page = (folder / "index.html").read_text(encoding="utf-8")
    return page.split('<section id="suspects">')[1].split("</section>")[0]


def test_the_page_advises_what_works(tmp_path):
    folder = write_folder(tmp_path, data=galaxies(600), pictures=False)
    assert build(folder)["suspect_labels"]["meaningful"]
    assert "<code>[data] exclude</code>" in section(folder) and "exclude =" not in section(folder)
    (folder / "config.toml").write_text('[pipeline]\nroot = "/data/run"\n')
    build(folder)
    assert "exclude = &#34;/data/run/report/suspect_labels.csv&#34;" in section(folder)


def test_the_page_and_the_card_give_nothing_for_the_list_of_folds_that_guess(tmp_path):
    data = galaxies(600)
    data["p"] = np.random.default_rng(3).random(600).astype(np.float32)
    folder = write_folder(tmp_path, data=data, bare=True)
    found = build(folder)["suspect_labels"]
    assert found["issues"] and not found["meaningful"]
    assert json.loads((folder / "metrics.json").read_text())["suspect_labels"] == found
    text = section(folder)
    assert doubt_text(found) in html.unescape(text)
    assert "[data] exclude" not in text and "probably wrong" not in text
    card = (folder / "model_card.md").read_text()
    assert doubt_text(found) in card and "are probably wrong" not in card
