"""Addresses of any cutout service."""

from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from local_server import QUICK

from fetch.cutouts import CutoutSource
from fetch.errors import FetchError
from fetch.targets import Target

TEMPLATE = "https://host.example/{name}/{band}?ra={ra}&dec={dec}&size={size}"


def source(template, bands=("I", "R")):
    return CutoutSource(template, bands, size=200, max_bytes=2**20, patience=QUICK)


def test_places_are_filled():
    address = source(TEMPLATE).address(Target("SPLUS.n01s02.123", 0.1, -12.5), "F660")
    assert address == "https://host.example/SPLUS.n01s02.123/F660?ra=0.1000000&dec=-12.5000000&size=200"
    assert source(TEMPLATE).host == "host.example"


def test_lower_case_bands():
    address = source("http://h/cut?b={band_lower}&ra={ra}&dec={dec}").address(Target("a", 1, 2), "R")
    assert parse_qs(urlsplit(address).query)["b"] == ["r"]


@pytest.mark.parametrize("name", ["a/b", "..", "a?b=c", "a#b", "a%2e", "é ü", "{ra}", "a&b", "a\nb", "a\\b"])
def test_names_stay_in_their_place(name):
    parts = urlsplit(source(TEMPLATE).address(Target(name, 1, 2), "I"))
    assert parts.netloc == "host.example"
    assert parts.path.count("/") == 2
    assert unquote(parts.path) == f"/{name}/I"
    assert parse_qs(parts.query) == {"ra": ["1.0000000"], "dec": ["2.0000000"], "size": ["200"]}


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("file:///{name}_{band}.fits", "https://"),
        ("ftp://host/{name}_{band}.fits", "https://"),
        ("host/{name}/{band}", "https://"),
        ("https://{name}/{band}", "host"),
        ("https://host:{size}/{name}/{band}", "host"),
        ("https://host/{name}/{band}/{redshift}", r"has \{redshift\}; there are \{name\}"),
        ("https://host/{}/{name}/{band}", r"has \{\}"),
        ("https://host/{band}?ra={ra}", r"needs \{name\}"),
        ("https://host/{name}", r"needs \{band\}"),
    ],
)
def test_templates_that_will_not_do(template, message):
    with pytest.raises(FetchError, match=message):
        source(template)


def test_one_band_needs_no_place():
    source("https://host/{name}", bands=("I",))
