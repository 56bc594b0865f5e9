"""The verdict on a precision on the test split."""

import re

import numpy as np
import pytest
from report_folder import galaxies, write_folder

from evaluation.intervals import wilson
from report.run.build import build
from report.topics.decision import precision_text


def verdict(spirals, ellipticals):
    return precision_text({"interval_spiral": spirals, "interval_elliptical": ellipticals}, 0.99)


@pytest.mark.parametrize(
    ("right", "n", "reached"),
    [
        (1000, 1000, "is reached"),
        (140, 142, "may or may not be reached"),
        (66, 66, "may or may not be reached"),
        (3, 4, "is not reached"),
        (900, 1000, "is not reached"),
    ],
)
def test_a_precision_is_judged_by_its_interval(right, n, reached):
    assert verdict(wilson(right, n), wilson(right, n)) == f"{reached} for both classes"


def test_classes_are_judged_separately():
    text = verdict(wilson(1000, 1000), wilson(75, 100))
    assert "is reached for spirals" in text and "is not reached for ellipticals" in text
    assert "not known for spirals" in verdict(None, wilson(75, 100))


def test_the_page_and_the_card_say_of_how_many_galaxies(tmp_path):
    data = galaxies(400)
    data["split"] = np.repeat(["val", "test", "train", "holdout"], 100)
    data["label"] = np.tile([0, 1], 200)
    data["p"] = np.where(data["label"] == 1, 0.9, 0.1).astype(np.float32)
    data["p"][100:120:2] = 0.9  # of the 50 spirals of the test split
    folder = write_folder(tmp_path, data=data, bare=True)
    build(folder)
    page = (folder / "index.html").read_text(encoding="utf-8")
    section = page.split('<section id="decision">')[1].split("</section>")[0]
    text = " ".join(re.sub(r"<[^>]+>", " ", section).split())
    low, high = wilson(50, 60)
    assert f"0.8333 of 60 ({low:.4f} to {high:.4f})" in text and "1.0000 of 40 (" in text
    card = (folder / "model_card.md").read_text(encoding="utf-8").replace("\N{NO-BREAK SPACE}", " ")
    expected = precision_text({"interval_spiral": wilson(40, 40), "interval_elliptical": (low, high)}, 0.99)
    assert f"0.99 {expected}." in text and f"{expected}." in card
    assert re.search(r"\b40 .*100\.0 % are spiral.*\b60 .*83\.3 % are elliptical", card)
