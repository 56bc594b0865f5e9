"""Figures as SVG and PNG."""

import re
from io import BytesIO
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from report.html.svg import PNG_RESOLUTION, WIDTH, drawing, mark, name_axes, steps


def draw(name, png=False):
    with drawing(name, 2.0, png=png) as drawn:
        axes = drawn.axes()
        steps(axes, np.array([0.1, 0.4, 0.45]), np.linspace(0, 1, 5), "elliptical")
        mark(axes, 0.5, "configured")
        name_axes(axes, "flux [ADU]", "galaxies")
        axes.legend()
    return drawn


def test_ink_is_the_pages_and_the_ground_is_clear():
    svg = draw("one").svg
    ElementTree.fromstring(svg)
    assert "currentColor" in svg and "#010203" not in svg and "#ffffff" not in svg
    assert ">flux [ADU]<" in svg and ">configured<" in svg and "<metadata>" not in svg


def test_identifiers_differ_between_figures_and_links_stay_within_one():
    found = {}
    for name in ("one", "two"):
        svg = draw(name).svg
        found[name] = set(re.findall(r'\bid="([^"]+)"', svg))
        assert set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', svg)) and all(
            link in found[name] for link in re.findall(r'(?:href="#|url\(#)([^")]+)', svg)
        )
    assert not found["one"] & found["two"]


def test_the_same_figure_is_the_same_text():
    assert draw("one").svg == draw("one", png=True).svg


def test_a_png_is_made_where_it_is_asked_for():
    assert draw("one").png == b""
    picture = Image.open(BytesIO(draw("one", png=True).png)).convert("RGB")
    assert picture.size == (round(WIDTH * PNG_RESOLUTION), 2 * PNG_RESOLUTION)
    assert picture.getpixel((0, 0)) == (255, 255, 255)
    assert np.asarray(picture).min() < 20
