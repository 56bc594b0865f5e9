"""Headers of FITS files, scanned rather than parsed: only the cards that are needed are read.

A stamp's header has a hundred cards or more, of which a handful matter. Astropy takes longer to parse them
than to read the pixels. A card is read here only if its spelling is unambiguous, so that the value is the one
that astropy gives. Any other card is read by `astropy.io.fits`, and a file with an ambiguous structure
(`Unusual`) is read by astropy as a whole. The standard: Pence et al. (2010, A&A 524, A42), FITS 4.0 (2018).
"""

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import Any, Protocol

from astropy.io import fits

BLOCK, CARD = 2880, 80
PIXEL_TYPES = {8: ">u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}
"""How pixels are stored, by ``BITPIX``."""

_PRINTABLE = bytes(range(32, 127))
KEYWORD_BYTES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_- "
_BLANK_KEYWORD, _CONTINUE, _END = b" " * 8, b"CONTINUE", b"END     "
# Astropy reads a HIERARCH card as a normal card if its keyword fits into eight characters.
SHORT_HIERARCH = re.compile(rb"HIERARCH +[A-Za-z0-9_-]{1,8} *=")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([EeDd][+-]?\d+)?")
_EXPONENTS = str.maketrans("Dd", "EE")
_ABSURD = re.compile(rb"(Z?NAXIS|TFIELDS) *= *[+]?0*([1-9]\d{3,})")
STRING = re.compile(r"'([^']*)' *(/[^']*)?")


class Unusual(Exception):
    """A file that the fast reader leaves to astropy."""


class Content(Protocol):
    """What is needed of the bytes of a file; `bytes` has it."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> bytes: ...

    def startswith(self, prefix: bytes, start: int = 0, /) -> bool:
        """Return whether the bytes from `start` begin with `prefix`."""

    def find(self, part: bytes, start: int = 0, /) -> int:
        """Return the first place of `part` from `start`, or -1."""


class Header:
    """Cards of a header, with the primary header as a fallback.

    Parameters
    ----------
    cards : bytes
        Whole cards of 80 bytes, without END.
    behind : Header, optional
        Header in which `get` looks for missing cards: many surveys describe an exposure in the primary header
        and keep the image in an extension. ``INHERIT = F`` in the cards forbids this.

    Attributes
    ----------
    cards : bytes
    behind : Header or None
    plain : bool
        Whether every keyword is spelled as in the standard, so that the first eight bytes of each card
        identify it.
    """

    def __init__(self, cards: bytes, behind: "Header | None" = None) -> None:
        self.cards, self.behind = cards, behind
        places = range(0, len(cards), CARD)
        keys = [cards[place : place + 8] for place in places]
        self._last = dict(zip(keys, places, strict=True))
        self._first = self._last
        if len(self._last) < len(keys):
            self._first = dict(zip(reversed(keys), reversed(places), strict=True))
        blank = keys.count(_BLANK_KEYWORD) if _BLANK_KEYWORD in self._last else 0
        self.plain = not (
            b"".join(keys).translate(None, KEYWORD_BYTES)
            or cards[::CARD].count(b" ") != blank  # a keyword that does not begin in the first column
            or _END in self._last
            or (b"HIERARCH" in self._last and SHORT_HIERARCH.search(cards))
        )

    def get(self, keyword: str) -> str | int | float | bool | None:
        """Return the value of the first card with a keyword.

        Parameters
        ----------
        keyword : str
            Up to eight characters, in capitals.

        Returns
        -------
        str, int, float, bool or None
            None if there is no such card, or its value has another type.
        """
        if self.behind is None or self.has(keyword) or self.own("INHERIT") is False:
            return self.own(keyword)
        return self.behind.get(keyword)

    def number(self, keyword: str) -> float | None:
        """Return the value of a card if it is a number; it may be infinite."""
        return _number(self.get(keyword))

    def integer(self, keyword: str, default: int | None = None) -> int:
        """Return an integer that describes the data; raise `Unusual` if it is not an integer."""
        value = self._structural(keyword, default)
        if not isinstance(value, int) or isinstance(value, bool):
            raise Unusual(f"{keyword} = {value!r}")
        return value

    def real(self, keyword: str, default: float) -> float:
        """Return a number that describes the data; raise `Unusual` if it is not a number."""
        value = self._structural(keyword, default)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise Unusual(f"{keyword} = {value!r}")
        return value

    def _structural(self, keyword: str, default: float | None) -> str | int | float | bool | None:
        key = _key(keyword)
        if key not in self._first:
            return default
        if self._first[key] != self._last[key]:
            raise Unusual(f"{keyword} twice")
        return self.own(keyword)

    def has(self, keyword: str) -> bool:
        """Return whether there is a card with a keyword, the fallback header excluded."""
        if not self.plain:
            return keyword in self.parsed
        return _key(keyword) in self._first

    def once(self, keyword: str) -> bool:
        """Return whether there is exactly one card with a keyword."""
        key = _key(keyword)
        return self._first.get(key, -1) == self._last.get(key, -2)

    def has_any(self, keys: frozenset[bytes]) -> bool:
        """Return whether there is a card with any of the keywords, each given as eight bytes."""
        return not keys.isdisjoint(self._last)

    def own(self, keyword: str) -> str | int | float | bool | None:
        """Return the value of a card as `get` does, without the fallback header."""
        if not self.plain:
            return _simple(lambda: self.parsed.get(keyword))
        place = self._first.get(_key(keyword))
        if place is None:
            return None
        card = self.cards[place : place + CARD]
        if self.cards[place + CARD : place + CARD + 8] == _CONTINUE:
            return _simple(lambda: self.parsed.get(keyword))
        return _value(card)

    def spelling(self, keyword: str) -> str:
        """Return the text of the value that `get` returns, as written in its card; empty if there is none."""
        if not self.has(keyword):
            inherits = self.behind is not None and self.own("INHERIT") is not False
            return self.behind.spelling(keyword) if inherits and self.behind is not None else ""
        if self.plain:
            place = self._first[_key(keyword)]
            image = self.cards[place : place + CARD].decode("ascii", "replace")
        else:
            image = str(_simple(lambda: self.parsed.cards[keyword].image) or "")
        text = image.partition("=")[2].strip()
        if text.startswith("'"):
            string = STRING.fullmatch(text)
            return f"'{string[1].rstrip()}'" if string else text
        return text.partition("/")[0].rstrip()

    @cached_property
    def parsed(self) -> fits.Header:
        """All cards as an astropy header."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return fits.Header.fromstring(self.cards.decode("ascii", "replace"))


@lru_cache(4096)  # the stamps of a survey share most of the cards that are asked for
def _value(card: bytes) -> str | int | float | bool | None:
    """Return the value of a card that is not continued."""
    text = card[10:].decode("ascii", "replace").strip()
    if card[8:10] == b"= ":
        if text.startswith("'"):
            string = STRING.fullmatch(text)
            if string:
                return string[1].rstrip()
        else:
            text = text.split("/", 1)[0].rstrip()
            if NUMBER.fullmatch(text):
                digits = text.lstrip("+-").isdigit()
                return int(text) if digits else float(text.translate(_EXPONENTS))
            if text in ("T", "F", ""):
                return text == "T" if text else None
    return _simple(lambda: fits.Card.fromstring(card).value)


@cache
def _key(keyword: str) -> bytes:
    """Return the first eight bytes of a card with a keyword."""
    return keyword.ljust(8).encode()


def _simple(read: Any) -> str | int | float | bool | None:
    """Return a value read by astropy if it is a text, a number or a boolean, otherwise None."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = read()
    except Exception:  # astropy raises various exceptions for cards that it cannot read
        return None
    return value if isinstance(value, str | int | float | bool) else None


def _number(value: str | int | float | bool | None) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        return float(value)
    except OverflowError:  # an integer of more than 308 digits
        return float("inf") if value > 0 else float("-inf")


@dataclass(frozen=True)
class Hdu:
    """One header and data unit of a file.

    Attributes
    ----------
    header : Header
    start, size : int
        Offset and size of its data [bytes].
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
        """Lengths of the axes in numpy's order; axes of length 1 beyond the first two are left out.

        Parameters
        ----------
        prefix : str
            ``"Z"`` for the shape of a compressed image before compression.
        """
        count = self.header.integer(f"{prefix}NAXIS")
        if not 0 <= count <= 999:
            raise Unusual(f"{count} axes")
        lengths = [self.header.integer(f"{prefix}NAXIS{axis + 1}") for axis in range(count)]
        return (*(length for length in reversed(lengths[2:]) if length != 1), *reversed(lengths[:2]))


def scan_hdus(content: Content) -> Iterator[Hdu]:
    """Yield the units of a FITS file.

    Parameters
    ----------
    content : Content
        The whole file; its headers are read.

    Yields
    ------
    Hdu

    Raises
    ------
    Unusual
        For anything out of the ordinary: no END, truncated data, sizes that are not numbers, groups.
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
        if not header.plain:
            raise Unusual("keywords that are not spelled as the standard asks")
        start = offset + -(-(end + CARD - offset) // BLOCK) * BLOCK
        size = _data_size(header)
        if start + size > len(content):
            raise Unusual("data cut short")
        offset = start + -(-size // BLOCK) * BLOCK
        yield Hdu(header, start, size, last=offset >= len(content))
        primary = primary or header


def refuse_absurd(content: bytes) -> None:
    """Raise ValueError for headers on which astropy would spend hours.

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


def _find_end(content: Content, offset: int) -> int:
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
