"""What pages share: templates and tiles."""

import base64

import pytest
from jinja2 import UndefinedError

from report.html.environment import page_environment
from report.html.tiles import Tile


def test_templates_escape_and_refuse_what_is_not_defined():
    environment = page_environment("report.run")
    assert environment.from_string("{{ name }}").render(name="<b>") == "&lt;b&gt;"
    assert environment.from_string("{{ 1234 | count }} {{ 0.5 | percent }}").render() == "1,234 50.0\xa0%"
    with pytest.raises(UndefinedError):
        environment.from_string("{{ nothing }}").render()


def test_every_package_finds_its_own_templates_and_the_shared_ones():
    for package, own in {"inspection": "index", "sweep": "sweep", "run": "report"}.items():
        found = page_environment(f"report.{package}").list_templates()
        assert {f"{own}.html.j2", "style.css", "macros.html.j2"} <= set(found)


def test_a_tile_holds_the_picture_itself():
    tile = Tile.of_png(b"\x89PNG", 128)
    assert base64.b64decode(tile.source.partition(",")[2]) == b"\x89PNG" and tile.side == 128
