"""Files that are written whole or not at all, and what pages share."""

import base64

import pytest
from jinja2 import UndefinedError

from report.html.environment import page_environment
from report.html.files import write_whole
from report.html.tiles import Tile


def test_a_file_is_written_with_its_folder(tmp_path):
    path = tmp_path / "a" / "b.txt"
    write_whole(path, "déjà")
    write_whole(path, b"again")
    assert path.read_bytes() == b"again" and [entry.name for entry in path.parent.iterdir()] == ["b.txt"]


def test_what_cannot_be_written_leaves_what_was_there(tmp_path):
    path = tmp_path / "page"
    path.mkdir()
    with pytest.raises(OSError):
        write_whole(path, "text")
    assert path.is_dir()


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
