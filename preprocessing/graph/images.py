"""Find the image in FITS files, for a batch of files at once."""

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from preprocessing.fits.header import BLOCK, PIXEL_TYPES
from preprocessing.graph.cards import (
    Cards,
    first_problem,
    integer,
    is_integer,
    is_number,
    number,
    read_cards,
    string,
)
from preprocessing.settings import MAX_SIDE

_AXES = 4
"""Number of axes up to which an image is read."""
_MOST_HDUS = 64
_LARGEST = 2**40  # bytes: no file that can be sent is larger
_STRUCTURE = ("SIMPLE", "XTENSION", "BITPIX", "NAXIS", "PCOUNT", "GCOUNT", "GROUPS", "ZIMAGE", "INHERIT")
_LENGTHS = tuple(f"NAXIS{axis + 1}" for axis in range(_AXES))
_PIXELS = ("BSCALE", "BZERO", "BLANK")
_COMPRESSED = (
    "a tile-compressed image, which this signature does not read; `galmorph predict` reads it, or decode it"
    " and send the flux to classify_flux"
)


class Layout(NamedTuple):
    """Where the pixels of P images are, and what their numbers mean. All are tensors of shape (P,).

    Attributes
    ----------
    start : tf.Tensor, int64
        Offset of the pixels [bytes].
    bits, height, width : tf.Tensor, int64
    scale, zero : tf.Tensor, float64
    has_blank : tf.Tensor, bool
    blank : tf.Tensor, int64
    """

    start: tf.Tensor
    bits: tf.Tensor
    height: tf.Tensor
    width: tf.Tensor
    scale: tf.Tensor
    zero: tf.Tensor
    has_blank: tf.Tensor
    blank: tf.Tensor

    def of(self, part: slice) -> "Layout":
        """Return that of some of the images."""
        return Layout(*(column[part] for column in self))


class Images(NamedTuple):
    """The first two-dimensional image of each file. All are tensors of shape (P,).

    Attributes
    ----------
    problem : tf.Tensor, string
        Why there is none that can be read here; empty if there is one.
    layout : Layout
    texts : tf.Tensor, string, shape (K, P)
        The values of further keywords as spelled in the image's header or else in the primary one.
    present : tf.Tensor, bool, shape (K, P)
        Whether there is such a card.
    """

    problem: tf.Tensor
    layout: Layout
    texts: tf.Tensor
    present: tf.Tensor


class _Search(NamedTuple):
    turn: tf.Tensor
    open: tf.Tensor
    offset: tf.Tensor
    primary: tf.Tensor
    in_primary: tf.Tensor
    images: Images


def find_images(files: tf.Tensor, keywords: Sequence[str] = ()) -> Images:
    """Find the first two-dimensional image of each file: the primary array or an image extension.

    Parameters
    ----------
    files : tf.Tensor, string, shape (P,)
        The bytes of FITS files.
    keywords : sequence of str
        Further keywords, K of them.

    Returns
    -------
    Images

    Notes
    -----
    `preprocessing.fits.reading.read_image` chooses the same image: the first that is not constant. Axes of
    length 1 beyond the second do not count.
    """
    lengths = tf.cast(tf.strings.length(files), tf.int64)
    begins, magic = tf.strings.substr(files, 0, 9), tf.strings.substr(files, 0, 2)
    problem = first_problem(
        tf.fill(tf.shape(files), ""),
        (tf.equal(lengths, 0), "no bytes"),
        (
            tf.equal(magic, b"\x1f\x8b") | tf.equal(magic, "BZ"),
            "a compressed file; unpack it, or let `galmorph predict` do so",
        ),
        (tf.not_equal(begins, "SIMPLE  ="), "not a FITS file: it does not begin with SIMPLE"),
    )
    nothing, no = tf.zeros_like(lengths), tf.zeros_like(lengths, tf.bool)
    real = tf.zeros_like(lengths, tf.float64)
    texts = tf.fill([len(keywords), tf.size(files)], "")
    there = tf.fill([len(keywords), tf.size(files)], False)
    layout = Layout(nothing, nothing, nothing, nothing, real, real, no, nothing)
    images = Images(problem, layout, texts, there)
    search = _Search(tf.constant(0), tf.equal(problem, ""), nothing, texts, there, images)
    search = tf.while_loop(
        lambda turn, open_, *_: (turn < _MOST_HDUS) & tf.reduce_any(open_),
        lambda *state: _next_hdu(files, lengths, keywords, _Search(*state)),
        search,
        parallel_iterations=1,
    )
    images = search.images
    problem = first_problem(images.problem, (search.open, f"no image in its first {_MOST_HDUS} HDUs"))
    return images._replace(problem=problem)


def _next_hdu(files: tf.Tensor, lengths: tf.Tensor, keywords: Sequence[str], search: _Search) -> _Search:
    offset, former = search.offset, search.images
    cards = read_cards(files, offset, (*_STRUCTURE, *_LENGTHS, *_PIXELS, *keywords))
    is_primary = tf.equal(search.turn, 0)
    axes, axis_lengths, bits = _structure(cards)
    compressed = tf.equal(_string(cards, "XTENSION"), "BINTABLE") & _true(cards, "ZIMAGE")
    image = tf.where(is_primary, _true(cards, "SIMPLE"), tf.equal(_string(cards, "XTENSION"), "IMAGE"))
    extension = tf.equal(tf.strings.substr(files, offset, tf.minimum(lengths - offset, 9)), "XTENSION=")
    problem = first_problem(
        tf.where(is_primary | extension, "", "no image in its first HDUs, and no FITS extension behind them"),
        (tf.not_equal(cards.problem, ""), cards.problem),
        *_problems(cards, axes, axis_lengths, bits),
        (compressed, _COMPRESSED),
    )
    inside = tf.range(_AXES, dtype=tf.int64)[:, None] < axes[None]
    counted = tf.where(inside, axis_lengths, 1)
    pixels = tf.where(axes > 0, tf.reduce_prod(tf.cast(counted, tf.float64), axis=0), 0.0)
    parameters = integer(cards.text["PCOUNT"])
    announced = (pixels + tf.cast(parameters, tf.float64)) * tf.cast(tf.abs(bits) // 8, tf.float64)
    start = offset + cards.size
    short = announced > tf.cast(tf.maximum(lengths - start, 0), tf.float64)
    sentence = tf.strings.join(
        [
            "its header announces ",
            tf.strings.as_string(announced, precision=0),
            " bytes of data, but ",
            tf.strings.as_string(tf.maximum(lengths - start, 0)),
            " follow",
        ]
    )
    problem = first_problem(problem, (short, sentence))
    width, height = counted[0], counted[1]
    flat = (axes >= 2) & tf.reduce_all(tf.equal(counted[2:], 1), axis=0)
    chosen = image & flat & (width > 0) & (height > 0) & (pixels > 0)
    too_large = chosen & (tf.maximum(width, height) > MAX_SIDE)
    problem = first_problem(problem, (too_large, f"larger than {MAX_SIDE} x {MAX_SIDE} pixels"))
    size = tf.cast(tf.minimum(announced, _LARGEST), tf.int64)
    after = start + (size + BLOCK - 1) // BLOCK * BLOCK
    # Files of several HDUs often begin with an image of zeros.
    more = search.open & chosen & (after < lengths) & tf.equal(problem, "")
    chosen &= ~tf.cond(
        tf.reduce_any(more),
        lambda: _constant(files, start, size, tf.abs(bits) // 8, more),
        lambda: tf.zeros_like(more),
    )
    problem = first_problem(problem, *((chosen & bad, text) for bad, text in _pixel_problems(cards, bits)))
    none = "no two-dimensional image in any HDU, or a constant one in the first"
    problem = first_problem(problem, (~chosen & (after >= lengths), none))
    problem = tf.where(search.open, problem, "")

    own, texts, plain = (
        tf.stack([column[keyword] for keyword in keywords]) if keywords else empty
        for column, empty in (
            (cards.present, search.in_primary),
            (cards.text, search.primary),
            (cards.plain, search.in_primary),
        )
    )
    texts = tf.where(own & ~plain, "not plain 0", texts)  # neither a number nor a word
    primary = tf.where(is_primary, texts, search.primary)
    in_primary = tf.where(is_primary, own, search.in_primary)
    inherits = ~tf.equal(cards.text["INHERIT"], "F")
    found = search.open & chosen & tf.equal(problem, "")
    layout = Layout(
        start,
        bits,
        height,
        width,
        number(cards.text["BSCALE"], 1.0),
        number(cards.text["BZERO"]),
        cards.present["BLANK"] & (bits > 0),
        integer(cards.text["BLANK"]),
    )
    texts = tf.where(own, texts, tf.where(in_primary & inherits, primary, ""))
    images = Images(
        tf.where(tf.equal(former.problem, ""), problem, former.problem),
        Layout(*(tf.where(found, new, old) for new, old in zip(layout, former.layout, strict=True))),
        tf.where(found, texts, former.texts),
        tf.where(found, own | (in_primary & inherits), former.present),
    )
    still = search.open & ~chosen & tf.equal(problem, "")
    # Files that need no further search are read again from their beginning, without consequence.
    offset = tf.where(still, tf.minimum(after, lengths), 0)
    return _Search(search.turn + 1, still, offset, primary, in_primary, images)


def _constant(
    files: tf.Tensor, start: tf.Tensor, size: tf.Tensor, width: tf.Tensor, which: tf.Tensor
) -> tf.Tensor:
    """Return which of some files have data in which all pixels, of `width` bytes, are the same."""

    def same(number: tf.Tensor) -> tf.Tensor:
        raw = tf.strings.substr(files[number], start[number], size[number])
        octets = tf.reshape(tf.io.decode_raw(raw, tf.uint8), tf.stack([-1, width[number]]))
        return tf.reduce_all(tf.equal(octets, octets[:1]))

    return tf.map_fn(
        lambda number: tf.cond(which[number], lambda: same(number), lambda: False),
        tf.range(tf.size(files)),
        fn_output_signature=tf.bool,
    )


def _structure(cards: Cards) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Return the number of axes (P,), their lengths (AXES, P) and BITPIX (P,)."""
    axes = integer(cards.text["NAXIS"], -1)
    lengths = tf.stack([integer(cards.text[keyword], -1) for keyword in _LENGTHS])
    return axes, lengths, integer(cards.text["BITPIX"], 8)


def _problems(
    cards: Cards, axes: tf.Tensor, lengths: tf.Tensor, bits: tf.Tensor
) -> list[tuple[tf.Tensor, tf.Tensor | str]]:
    inside = tf.range(_AXES, dtype=tf.int64)[:, None] < axes[None]
    wrong = tf.reduce_any(inside & (lengths < 0), axis=0)
    groups = tf.not_equal(integer(cards.text["GCOUNT"], 1), 1) | _true(cards, "GROUPS")
    groups |= integer(cards.text["PCOUNT"]) < 0
    known = tf.reduce_any(tf.equal(bits[None], tf.constant(list(PIXEL_TYPES), tf.int64)[:, None]), axis=0)
    return [
        *_unclear(cards, (*_STRUCTURE, *_LENGTHS)),
        *_no_integer(cards, ("BITPIX", "NAXIS", "PCOUNT", "GCOUNT", *_LENGTHS)),
        (~cards.present["BITPIX"] | ~known, tf.strings.join(["BITPIX is ", cards.text["BITPIX"]])),
        (
            (axes < 0) | (axes > _AXES),
            tf.strings.join(["NAXIS is ", cards.text["NAXIS"], f", of which {_AXES} are read"]),
        ),
        (wrong, "a length NAXISn is missing or negative"),
        (groups, "random groups, which are not read"),
    ]


def _pixel_problems(cards: Cards, bits: tf.Tensor) -> list[tuple[tf.Tensor, tf.Tensor | str]]:
    whole = bits > 0
    unsigned = tf.equal(bits, 64) & tf.equal(number(cards.text["BZERO"]), 2.0**63)
    return [
        *_unclear(cards, ("BSCALE", "BZERO")),
        *((whole & bad, text) for bad, text in _unclear(cards, ("BLANK",))),
        *(
            (cards.present[keyword] & ~is_number(cards.text[keyword]), _is(cards, keyword, "no number"))
            for keyword in ("BSCALE", "BZERO")
        ),
        *((whole & bad, text) for bad, text in _no_integer(cards, ("BLANK",))),
        (unsigned, "unsigned 64-bit integers, which are not read"),
    ]


def _unclear(cards: Cards, keywords: tuple[str, ...]) -> list[tuple[tf.Tensor, str]]:
    return [
        (
            cards.twice[keyword] | (cards.present[keyword] & ~cards.plain[keyword]),
            f"{keyword} stands twice, or is not spelled as `KEYWORD = value`",
        )
        for keyword in keywords
    ]


def _no_integer(cards: Cards, keywords: tuple[str, ...]) -> list[tuple[tf.Tensor, tf.Tensor]]:
    return [
        (cards.present[keyword] & ~is_integer(cards.text[keyword]), _is(cards, keyword, "no integer"))
        for keyword in keywords
    ]


def _is(cards: Cards, keyword: str, what: str) -> tf.Tensor:
    return tf.strings.join([f"{keyword} = ", _string(cards, keyword), f" is {what}"])


def _string(cards: Cards, keyword: str) -> tf.Tensor:
    return string(cards.text[keyword])


def _true(cards: Cards, keyword: str) -> tf.Tensor:
    return tf.equal(cards.text[keyword], "T")
