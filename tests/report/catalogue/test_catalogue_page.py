"""The page of a classified survey, and what it is made from."""

import base64
import io

import numpy as np
import pyarrow as pa
import pytest
from catalogue_parts import block, parts
from html_page import Page, check_stands_alone
from PIL import Image

from evaluation.formats.catalogue import Flag
from report.catalogue.figures import _joined
from report.catalogue.page import Picture, render_page
from report.catalogue.sample import Sample
from report.catalogue.sky import draw_sky
from report.catalogue.statistics import (
    CLASSES,
    MAGNITUDE_EDGES,
    NOVELTY_EDGES,
    POINTS,
    SHOWN,
    CatalogueStatistics,
)

TOTAL = 1000


def gathered(blocks, seed=1):
    statistics = CatalogueStatistics(seed)
    for each in blocks:
        statistics.add(each)
    return statistics


@pytest.fixture(scope="module")
def statistics():
    return gathered(parts(TOTAL)())


@pytest.fixture(scope="module")
def rows():
    return pa.concat_tables(list(parts(TOTAL)()))


def summary_of(statistics, **changes):
    counts = statistics.probabilities.sum(1).tolist()
    return {
        "rows": statistics.rows + 5,
        "classified": statistics.rows,
        "rejects": 5,
        "classes": dict(zip(CLASSES, counts, strict=True)),
        "reasons": {"unreadable": 3, "no_probability": 2},
        "flags": {},
        "seconds": 50.0,
        "model": {"path": "/models/<3>", "version": "3", "fingerprint": "ab" * 32},
        "table": "catalogue",
    } | changes


def picture(chosen):
    stream = io.BytesIO()
    Image.new("RGB", (32, 32), (chosen.row % 256, 0, 0)).save(stream, "PNG")
    return Picture(chosen.name, chosen.morphology, chosen.p_elliptical, stream.getvalue(), 32)


def test_the_counts_are_those_of_the_rows(statistics, rows):
    kinds = np.array(rows["morphology"].to_pylist())
    flags = rows["flags"].to_numpy()
    for place, name in enumerate(CLASSES):
        of_class = kinds == name
        assert statistics.unflagged[place] == (of_class & (flags == 0)).sum()
        for number, flag in enumerate(Flag):
            assert statistics.flagged[number, place] == (of_class & (flags & flag != 0)).sum()
        magnitudes = rows["magnitude"].to_numpy()[of_class]
        np.testing.assert_array_equal(
            statistics.magnitudes[place], np.histogram(magnitudes, MAGNITUDE_EDGES)[0]
        )
        novelty = rows["novelty"].to_numpy()[of_class]
        np.testing.assert_array_equal(
            statistics.novelties[place], np.histogram(novelty[~np.isnan(novelty)], NOVELTY_EDGES)[0]
        )
    assert statistics.placed == statistics.sky.sum() == np.isfinite(rows["ra"].to_numpy()).sum()
    assert statistics.with_novelty == rows["novelty"].to_numpy().size - rows["novelty"].null_count


def test_the_sample_does_not_depend_on_blocks_or_order():
    def names(blocks, seed=3):
        return [chosen.name for chosen in gathered(blocks, seed).chosen]

    first = names(parts(TOTAL)())
    assert names(parts(TOTAL, size=17)()) == first
    assert names(reversed(list(parts(TOTAL, size=90)()))) == first
    assert names(parts(TOTAL)(), seed=4) != first
    assert len(first) == len(set(first)) == SHOWN * len(CLASSES)


def test_every_row_is_equally_likely_in_the_sample():
    counts = np.zeros(100)
    for seed in range(600):
        sample = Sample(20, seed)
        for start in range(0, 100, 9):
            sample.add(pa.table({"row": np.arange(start, min(start + 9, 100))}))
        counts[sample.rows["row"].to_numpy()] += 1
    # 120 expected, with a standard deviation of 9.8; seeds are fixed.
    assert abs(counts - 120).max() < 4.5 * 9.8 and abs(counts.std() - 9.8) < 3


def test_the_points_are_bounded():
    rows = np.arange(3 * POINTS)
    one = block(range(10), optional=False)
    many = pa.concat_tables([one] * (len(rows) // 10)).set_column(0, "row", pa.array(rows))
    many = many.set_column(2, "ra", pa.array(np.linspace(350, 370, len(rows))))
    many = many.set_column(3, "dec", pa.array(np.zeros(len(rows))))
    ra, dec, kinds = gathered([many]).points
    assert len(ra) == len(dec) == len(kinds) == POINTS and (ra < 360).all()


@pytest.mark.parametrize(
    ("ra", "dec", "whole"),
    [
        ([359.0, 1.0], [0.0, 0.0], False),
        ([359.0, 400.0], [-2.0, 3.0], False),
        ([10.0, 130.0], [0.0, 0.0], True),
        ([10.0, 10.0], [-80.0, 20.0], True),
        ([10.0, 90.0], [-85.0, -86.0], False),
        ([0.0, 90.0, 180.0, 270.0], [89.0, 89.5, 89.0, 90.0], True),
        ([120.0], [-90.0], False),
    ],
)
def test_a_small_survey_is_drawn_as_a_patch_also_across_ra_zero(ra, dec, whole):
    rows = block(range(len(ra)), optional=False)
    rows = rows.set_column(2, "ra", pa.array(ra)).set_column(3, "dec", pa.array(dec))
    figure, is_whole = draw_sky(gathered([rows]))
    assert is_whole is whole and "<svg" in figure
    assert ("objects per square degree" in figure) is whole


def test_a_map_of_the_whole_sky_is_small(statistics):
    every = np.arange(20_000)
    generator = np.random.default_rng(0)
    one = pa.concat_tables([block(range(100), optional=False)] * 200)
    one = one.set_column(0, "row", pa.array(every))
    one = one.set_column(2, "ra", pa.array(generator.uniform(0, 360, len(every))))
    one = one.set_column(3, "dec", pa.array(np.degrees(np.arcsin(generator.uniform(-1, 1, len(every))))))
    figure, whole = draw_sky(gathered([one]))
    assert whole and len(figure) < 2_500_000


def test_bins_of_magnitude_are_joined_until_they_hold_enough():
    counts = np.zeros((3, len(MAGNITUDE_EDGES) - 1), int)
    counts[0, 40:44] = [5, 10, 30, 3]
    edges, joined = _joined(counts)
    assert edges.tolist() == [10.0, 11.0] and joined.tolist() == [[48], [0], [0]]
    counts[1, 50] = 25
    edges, joined = _joined(counts)
    assert edges.tolist() == [10.0, 10.75, 12.75] and joined.tolist() == [[45, 3], [0, 25], [0, 0]]
    counts[:] = 0
    counts[2, 7] = 1
    edges, joined = _joined(counts)
    assert edges.tolist() == [1.75, 2.0] and joined.tolist() == [[0], [0], [1]]


def test_the_page_stands_alone_and_shows_what_there_is(statistics):
    pictures = [picture(chosen) for chosen in statistics.chosen]
    source = render_page(
        "S-PLUS <DR4>",
        summary_of(statistics),
        statistics,
        (0.25, 0.75),
        pictures,
        {"stamps": "a/{name}.fits"},
    )
    page = Page(source)
    check_stands_alone(page)
    figures = {figure["id"] for figure in page.all("figure") if "id" in figure}
    assert figures == {"figure-sky", "figure-probabilities", "figure-fractions", "figure-novelty"}
    assert len(page.all("img")) == SHOWN * len(CLASSES)
    assert "<DR4>" in page.text and "/models/<3>" in page.text and "a/{name}.fits" in page.text
    assert "900 of 905 objects classified, 5 rejects" in page.text
    assert "18.1 objects per second" in page.text
    for place, flag in enumerate(Flag):
        assert f"{int(flag)} {str(flag.name).lower()}" in page.text
        assert f"{statistics.flagged[place].sum():,}" in page.text
    assert "no_probability the model gives no probability" in page.text
    first = base64.b64encode(pictures[0].png).decode()
    assert first in source


def test_what_is_unknown_is_said():
    rows = block(range(3), optional=False, placed=False)
    rows = rows.set_column(9, "novelty", pa.array([None] * 3, pa.float32()))
    statistics = gathered([rows])
    page = Page(render_page("a", summary_of(statistics, reasons={}, seconds=0.0), statistics, (0.25, 0.75)))
    check_stands_alone(page)
    for sentence in (
        "No position is known.",
        "The input table has no magnitudes",
        "The model does not measure how unlike",
        "Every object is classified.",
        "There are no pictures to show.",
    ):
        assert sentence in page.text


def test_without_a_classified_object_there_is_a_page():
    statistics = CatalogueStatistics()
    page = Page(render_page("a", summary_of(statistics, rejects=5), statistics, (0.25, 0.75)))
    check_stands_alone(page)
    assert "No object is classified." in page.text


def test_a_missing_picture_says_why(statistics):
    chosen = statistics.chosen[0]
    lost = Picture(chosen.name, chosen.morphology, chosen.p_elliptical, problem="the stamp has vanished")
    page = Page(render_page("a", summary_of(statistics), statistics, (0.25, 0.75), [lost]))
    assert "no picture: the stamp has vanished" in page.text
