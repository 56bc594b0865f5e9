"""Headers of FITS files, scanned rather than parsed: only the cards that somebody asks for are read.

A stamp's header has a hundred cards or more, of which a handful matter; parsing all of them takes astropy
longer than reading the pixels. What this module does not understand it says so (`Unusual`), and astropy
decides. The standard: Pence et al. (2010, A&A 524, A42), FITS 4.0 (2018).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

BLOCK, CARD = 2880, 80
PIXEL_TYPES = {8: ">u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}
"""How pixels are stored, by ``BITPIX``."""

_PRINTABLE = bytes(range(32, 127))
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([ED][+-]?\d+)?")
_ABSURD = re.compile(rb"(Z?NAXIS|TFIELDS) *= *[+]?0*([1-9]\d{3,})")
_STRING = re.compile(r"'((?:[^']|'')*)' *(/.*)?")


class Unusual(Exception):
    """A file that the fast reader leaves to astropy."""


class Header:
    """Cards of a header, and of the primary header behind it.

    Parameters
    ----------
    cards : bytes
        Whole cards of 80 bytes, without END.
    behind : Header, optional
        Where `get` looks for what the cards lack: many surveys describe an exposure in the primary header and
        keep the image in an extension.

    Attributes
    ----------
    cards : bytes
    behind : Header or None
    """

    def __init__(self, cards: bytes, behind: "Header | None" = None) -> None:
        self.cards, self.behind = cards, behind
        places = range(0, len(cards), CARD)
        keys = [cards[place : place + 8] for place in places]
        self._last = dict(zip(keys, places, strict=True))
        self._first = dict(zip(reversed(keys), reversed(places), strict=True))

    def get(self, keyword: str) -> str | int | float | bool | None:
        """Return the value of the first card with a keyword.

        Parameters
        ----------
        keyword : str
            Up to eight characters, in capitals.

        Returns
        -------
        str, int, float, bool or None
            None if there is no such card, or its value is nothing of these.
        """
        value = self.own(keyword)
        if value is None and self.behind is not None:
            return self.behind.get(keyword)
        return value

    def number(self, keyword: str) -> float | None:
        """Return the value of a card if it is a number."""
        value = self.get(keyword)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    def integer(self, keyword: str, default: int | None = None) -> int:
        """Return an integer that describes the data; raise `Unusual` if it is none."""
        value = self._structural(keyword, default)
        if not isinstance(value, int) or isinstance(value, bool):
            raise Unusual(f"{keyword} = {value!r}")
        return value

    def real(self, keyword: str, default: float) -> float:
        """Return a number that describes the data; raise `Unusual` if it is none."""
        value = self._structural(keyword, default)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise Unusual(f"{keyword} = {value!r}")
        return value

    def _structural(self, keyword: str, default: float | None) -> str | int | float | bool | None:
        key = keyword.ljust(8).encode()
        if key not in self._first:
            return default
        if self._first[key] != self._last[key]:
            raise Unusual(f"{keyword} twice")
        return self.own(keyword)

    def own(self, keyword: str) -> str | int | float | bool | None:
        """Return what `get` returns, without looking into the header behind."""
        place = self._first.get(keyword.ljust(8).encode())
        if place is None or self.cards[place + 8 : place + 10] != b"= ":
            return None
        return _value(self.cards[place + 10 : place + CARD].decode("ascii", "replace").strip())


def _value(text: str) -> str | int | float | bool | None:
    if text.startswith("'"):
        string = _STRING.fullmatch(text)
        return string[1].replace("''", "'").rstrip() if string else None
    text = text.split("/", 1)[0].strip()
    if text in ("T", "F"):
        return text == "T"
    if not _NUMBER.fullmatch(text):
        return None
    return int(text) if text.lstrip("+-").isdigit() else float(text.replace("D", "E"))


@dataclass(frozen=True)
class Hdu:
    """One header and data unit of a file.

    Attributes
    ----------
    header : Header
    start, size : int
        Where its data begin and how many they are [bytes].
    last : bool
        Whether the file ends with it.
    """

    header: Header
    start: int
    size: int
    last: bool

    @property
    def is_image(self) -> bool:
        """Whether it is the primary array or an image extension."""
        return self.header.own("SIMPLE") is True or self.header.own("XTENSION") == "IMAGE"

    @property
    def is_compressed_image(self) -> bool:
        """Whether it is an image stored in a table, tile by tile."""
        return self.header.own("XTENSION") == "BINTABLE" and self.header.own("ZIMAGE") is True

    def shape(self, prefix: str = "") -> tuple[int, ...]:
        """Lengths of the axes in numpy's order, those of length 1 beyond the first two left out.

        Parameters
        ----------
        prefix : str
            ``"Z"`` for what a compressed image was before.
        """
        count = self.header.integer(f"{prefix}NAXIS")
        if not 0 <= count <= 999:
            raise Unusual(f"{count} axes")
        lengths = [self.header.integer(f"{prefix}NAXIS{axis + 1}") for axis in range(count)]
        return (*(length for length in reversed(lengths[2:]) if length != 1), *reversed(lengths[:2]))


def scan_hdus(content: bytes) -> Iterator[Hdu]:
    """Go through the units of a FITS file.

    Parameters
    ----------
    content : bytes
        The whole file.

    Yields
    ------
    Hdu

    Raises
    ------
    Unusual
        For anything that is not plainly a unit: no END, data cut short, sizes that are no numbers, groups.
    """
    if not content.startswith(b"SIMPLE  ="):
        raise Unusual("does not begin with SIMPLE")
    primary: Header | None = None
    offset = 0
    while offset < len(content):
        if primary is not None and not content.startswith(b"XTENSION=", offset):
            raise Unusual("something other than an extension follows")
        end = _find_end(content, offset)
        cards = content[offset:end]
        if cards.translate(None, _PRINTABLE):
            raise Unusual("a header that is not printable text")
        if not (cards.startswith(b"BITPIX  = ", CARD) and cards.startswith(b"NAXIS   = ", 2 * CARD)):
            raise Unusual("cards out of order")
        header = Header(cards, primary)
        start = offset + -(-(end + CARD - offset) // BLOCK) * BLOCK
        size = _data_size(header)
        if start + size > len(content):
            raise Unusual("data cut short")
        offset = start + -(-size // BLOCK) * BLOCK
        yield Hdu(header, start, size, last=offset >= len(content))
        primary = primary or header


def refuse_absurd(content: bytes) -> None:
    """Raise ValueError for headers that would keep astropy counting for hours.

    Parameters
    ----------
    content : bytes
        The whole file.

    Raises
    ------
    ValueError
        If a header announces more axes or columns than the 999 of the standard.
    """
    absurd = _ABSURD.search(content)
    if absurd:
        raise ValueError(f"{absurd[1].decode()} = {absurd[2].decode()}, of which the standard allows 999")


def _find_end(content: bytes, offset: int) -> int:
    position = content.find(b"END" + b" " * (CARD - 3), offset)
    while position >= 0 and (position - offset) % CARD:
        position = content.find(b"END" + b" " * (CARD - 3), position + 1)
    if position < 0:
        raise Unusual("no END")
    return position


def _data_size(header: Header) -> int:
    bits = header.integer("BITPIX")
    if bits not in PIXEL_TYPES:
        raise Unusual(f"BITPIX = {bits}")
    count = header.integer("NAXIS")
    if count == 0:
        return 0
    if not 0 < count <= 999:
        raise Unusual(f"NAXIS = {count}")
    lengths = [header.integer(f"NAXIS{axis + 1}") for axis in range(count)]
    parameters, groups = header.integer("PCOUNT", 0), header.integer("GCOUNT", 1)
    if min(*lengths, parameters) < 0 or groups != 1 or header.own("GROUPS") is True:
        raise Unusual("groups, or a negative length")
    pixels = 1
    for length in lengths:
        pixels *= length
    return abs(bits) // 8 * (parameters + pixels)
