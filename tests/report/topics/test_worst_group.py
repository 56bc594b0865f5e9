"""The worst group, and what is made of it in every place where it is named."""

import pytest

from evaluation.intervals import wilson
from report.run.figures.groups import draw_groups
from report.topics.groups import FEW, card_text, warning, worst_group


def numbers(*groups, chance):
    """Groups of (right, n)."""
    entries = [
        {"title": f"{number} to {number + 1}", "n": n, "accuracy": right / n, "interval": wilson(right, n)}
        for number, (right, n) in enumerate(groups)
    ]
    return {"title": "magnitude [mag]", "groups": entries, "chance": chance}


def test_the_worst_group_stands_against_all_others():
    worst = worst_group(numbers((99, 100), (70, 100), (49, 50), chance=0.001))
    assert (worst.title, worst.right, worst.n, worst.accuracy) == ("1 to 2", 70, 100, 0.7)
    assert (worst.others_right, worst.others, worst.others_interval) == (148, 150, wilson(148, 150))
    assert worst.verdict == "different" and not worst.overlap


def test_of_equally_bad_groups_the_largest_is_the_worst():
    assert worst_group(numbers((10, 20), (50, 100), (45, 50), chance=0.001)).title == "1 to 2"


@pytest.mark.parametrize(
    ("groups", "chance", "verdict"),
    [
        (((1, 4), (90, 100)), 0.022, "few"),
        (((40, 100), (9, 10)), 0.001, "few"),  # all others are few
        (((100, 100), (100, 100)), None, "alike"),
        (((94, 100), (95, 100)), 0.4, "chance"),
        (((70, 100), (95, 100)), 0.001, "different"),
    ],
)
def test_every_place_gives_the_same_verdict(groups, chance, verdict):
    found = numbers(*groups, chance=chance)
    assert worst_group(found).verdict == verdict
    card, figure = card_text(found), draw_groups("magnitude", found, 0.9).text
    assert (FEW in card) == (FEW in figure) == (verdict == "few")
    for text in (card, figure):
        assert ("same accuracy" in text) == (verdict == "alike")
        assert ("do not differ significantly" in text) == (verdict == "chance")
        assert ("groups differ significantly" in text) == (verdict == "different")
    assert bool(warning(found)) == (verdict == "different")


def test_groups_of_few_galaxies_that_are_all_right_are_no_news():
    text = draw_groups("magnitude", numbers((4, 4), (5, 5), chance=None), 1.0).text
    assert "same accuracy" in text and text.endswith(FEW)


def test_the_headline_names_the_worst_group_of_the_others():
    found = numbers((50, 100), (10, 20), (150, 150), chance=0.001)
    assert all(fact in warning(found) for fact in ("magnitude", "0 to 1", "0.500", "p = 0.001"))
    assert not warning(numbers((50, 100), chance=None))
