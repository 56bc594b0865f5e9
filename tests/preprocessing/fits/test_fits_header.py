import math

import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from preprocessing.fits.header import Header, Unusual

KEYWORDS = st.from_regex(r"[A-Z][A-Z0-9_-]{0,7}", fullmatch=True).filter(
    lambda keyword: keyword not in ("COMMENT", "HISTORY", "END", "CONTINUE", "HIERARCH", "SIMPLE", "XTENSION")
)
TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60)
VALUES = st.one_of(
    st.integers(-(2**63), 2**63),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    TEXTS,
)


def cards_of(header: fits.Header) -> bytes:
    return header.tostring(endcard=False, padding=False).encode()


@given(st.dictionaries(KEYWORDS, VALUES, max_size=12), KEYWORDS)
def test_values_are_those_of_astropy(values, other):
    header = fits.Header()
    for keyword, value in values.items():
        if isinstance(value, str) and len(fits.Card(keyword, value).image) > 80:
            continue
        header[keyword] = value
    ours = Header(cards_of(header))
    header = fits.Header.fromstring(cards_of(header))  # a card has room for 16 digits
    for keyword in [*header, other]:
        expected = header.get(keyword)
        found = ours.get(keyword)
        if isinstance(expected, float):
            assert isinstance(found, float | int) and math.isclose(found, expected, rel_tol=1e-15)
        else:
            assert found == expected and type(found) is type(expected)


def test_odd_spellings():
    cards = [
        "EXPONENT=              1.5D+03 / Fortran",
        "SLASH   = 'a/b''c  '           / a string with a slash",
        "LATER   =                    3",
        "LATER   =                    4 / a second one does not count",
        "OPEN    = 'never closed",
        "COMPLEX = (1.0, 2.0)",
        "EMPTY   =                      / undefined",
        "COMMENT LATER   =                    9",
    ]
    header = Header("".join(f"{card:<80}" for card in cards).encode())
    assert header.get("EXPONENT") == 1500.0
    assert header.get("SLASH") == "a/b'c"
    assert header.get("LATER") == 3
    assert [header.get(keyword) for keyword in ("OPEN", "COMPLEX", "EMPTY", "ABSENT")] == [None] * 4
    assert header.integer("ABSENT", 7) == 7
    with pytest.raises(Unusual):
        header.integer("EXPONENT")
    with pytest.raises(Unusual):
        header.integer("EMPTY", 7)


def test_the_primary_header_stands_behind_an_extension():
    behind = Header(f"{'FILTER  = ' + repr('R'):<80}".encode())
    header = Header(f"{'BITPIX  =                  -32':<80}".encode(), behind)
    assert header.get("FILTER") == "R"
    assert header.integer("NAXIS", 0) == 0, "what describes the data is never taken from another HDU"
