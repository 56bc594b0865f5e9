"""Cards of FITS headers, read for a batch of files at once.

A card counts only if it is spelled as `preprocessing.fits.header` takes it without astropy's help. Any other
spelling of a card that matters is a reason to refuse the file.
"""

import operator
from collections.abc import Sequence
from functools import reduce
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from preprocessing.fits.header import BLOCK, CARD, KEYWORD_BYTES, NUMBER, SHORT_HIERARCH, STRING

_FIRST_BLOCKS, _MOST_BLOCKS = 4, 128
_LEGAL = [byte in KEYWORD_BYTES for byte in range(256)]
_INTEGER = r"[+-]?\d{1,18}"
_WITH_SHORT_HIERARCH = f"(?s).*{SHORT_HIERARCH.pattern.decode()}.*"


class Cards(NamedTuple):
    """The cards of one header of each file that are asked for.

    Attributes
    ----------
    size : tf.Tensor, int64, shape (P,)
        Size of the header with its END and padding [bytes].
    problem : tf.Tensor, string, shape (P,)
        Why the header cannot be read here; empty if it can.
    present, twice, plain : dict of tf.Tensor, bool, shape (P,)
        By keyword: whether there is such a card, whether there are several, and whether the first is spelled
        ``= value / comment`` and not continued.
    text : dict of tf.Tensor, string, shape (P,)
        By keyword: the value as spelled, without comment; strings with their quotation marks.
    """

    size: tf.Tensor
    problem: tf.Tensor
    present: dict[str, tf.Tensor]
    twice: dict[str, tf.Tensor]
    plain: dict[str, tf.Tensor]
    text: dict[str, tf.Tensor]


def read_cards(files: tf.Tensor, offset: tf.Tensor, keywords: Sequence[str]) -> Cards:
    """Read a header of each file.

    Parameters
    ----------
    files : tf.Tensor, string, shape (P,)
        The bytes of FITS files.
    offset : tf.Tensor, int64, shape (P,)
        Where the header begins, not beyond the end of the file.
    keywords : sequence of str

    Returns
    -------
    Cards
    """
    lengths = tf.cast(tf.strings.length(files), tf.int64)
    blocks = _blocks(files, lengths, offset)
    octets, keys = _octets(files, lengths, offset, blocks)
    names = octets[:, :, :8]
    count = tf.shape(keys)[1]
    end = _first(tf.equal(keys, _key("END")), count)
    before = tf.range(count)[None] < end[:, None]

    end_card = tf.strings.substr(files, *_span(offset, end, end < count, lengths, 0, CARD))
    problem = tf.where(tf.equal(end_card, "END".ljust(CARD)), "", "its header has no END card")
    printable = tf.reduce_all((octets - 32) <= 94, axis=-1)  # unsigned: bytes below 32 become large
    legal = tf.reduce_all(_are_legal(names), axis=-1)
    indented = tf.equal(octets[:, :, 0], 32) & tf.not_equal(keys, _key(""))
    bad = tf.reduce_any(before & ~(printable & legal & ~indented), axis=-1)
    hierarch = tf.reduce_any(before & tf.equal(keys, _key("HIERARCH")), axis=-1)
    bad |= tf.cond(
        tf.reduce_any(hierarch),
        lambda: (
            hierarch & tf.strings.regex_full_match(_ascii(files, offset, end, lengths), _WITH_SHORT_HIERARCH)
        ),
        lambda: tf.zeros_like(bad),
    )
    problem = first_problem(problem, (bad, "its header has cards that are not spelled as the standard asks"))

    wanted = tf.constant([_key(keyword) for keyword in keywords])[:, None, None]
    matches = tf.equal(keys[None], wanted) & before[None]
    place = _first(matches, count)
    present = place < count
    texts = [
        tf.strings.substr(files, *_span(offset, place[row], present[row], lengths, 8, CARD - 8))
        for row in range(len(keywords))
    ]
    rest = tf.strings.join([tf.stack(texts), "  "])
    continued = tf.pad(tf.equal(keys, _key("CONTINUE")), [[0, 0], [0, 2]])
    follows = tf.gather(continued, tf.transpose(place) + 1, axis=1, batch_dims=1)
    plain = tf.equal(tf.strings.substr(rest, 0, 2), "= ") & ~tf.transpose(follows)
    value = tf.strings.strip(tf.strings.substr(rest, 2, CARD))
    quoted = tf.equal(tf.strings.substr(value, 0, 1), "'")
    bare = tf.strings.strip(tf.strings.regex_replace(value, "/.*", ""))
    twice = tf.reduce_sum(tf.cast(matches, tf.int32), axis=-1) > 1
    present, twice, plain, text = (
        dict(zip(keywords, tf.unstack(rows, len(keywords)), strict=True))
        for rows in (present, twice, plain, tf.where(quoted, value, bare))
    )
    size = (tf.cast(end, tf.int64) * CARD + CARD + BLOCK - 1) // BLOCK * BLOCK
    return Cards(size, problem, present, twice, plain, text)


def first_problem(problem: tf.Tensor, *others: tuple[tf.Tensor, tf.Tensor | str]) -> tf.Tensor:
    """Return the first problem of each file, of pairs of a condition and a sentence."""
    for condition, sentence in others:
        problem = tf.where(tf.equal(problem, "") & condition, sentence, problem)
    return problem


def is_number(text: tf.Tensor) -> tf.Tensor:
    """Return which texts are plain numbers."""
    return tf.strings.regex_full_match(text, NUMBER.pattern)


def number(text: tf.Tensor, default: float = 0.0) -> tf.Tensor:
    """Return the numbers that texts spell, as float64; `default` for other texts."""
    exponents = tf.strings.regex_replace(text, "[Dd]", "E")
    return tf.strings.to_number(tf.where(is_number(text), exponents, str(default)), tf.float64)


def is_integer(text: tf.Tensor) -> tf.Tensor:
    """Return which texts are integers of at most 18 digits."""
    return tf.strings.regex_full_match(text, _INTEGER)


def integer(text: tf.Tensor, default: int = 0) -> tf.Tensor:
    """Return the integers that texts spell, as int64; `default` for other texts."""
    digits = tf.strings.regex_replace(text, r"^\+", "")
    return tf.strings.to_number(tf.where(is_integer(text), digits, str(default)), tf.int64)


def string(text: tf.Tensor) -> tf.Tensor:
    """Return what stands between quotation marks, without trailing blanks; other texts unchanged."""
    inner = tf.strings.regex_replace(text, rf"^{STRING.pattern}$", r"\1")
    return tf.strings.regex_replace(inner, " +$", "")


def _blocks(files: tf.Tensor, lengths: tf.Tensor, offset: tf.Tensor) -> tf.Tensor:
    """Return how many blocks must be looked at, so that each header's END is among them."""

    def without_end(blocks: tf.Tensor) -> tf.Tensor:
        ended = tf.reduce_any(tf.equal(_octets(files, lengths, offset, blocks)[1], _key("END")), axis=-1)
        return tf.reduce_any(~ended & (lengths - offset > blocks * BLOCK))

    return tf.while_loop(
        lambda blocks: (blocks < _MOST_BLOCKS) & without_end(blocks),
        lambda blocks: (blocks * 2,),
        (tf.constant(_FIRST_BLOCKS, tf.int64),),
    )[0]


def _octets(
    files: tf.Tensor, lengths: tf.Tensor, offset: tf.Tensor, blocks: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the bytes of cards (P, C, 80) and their keywords as numbers (P, C)."""
    head = tf.strings.substr(files, offset, tf.minimum(lengths - offset, blocks * BLOCK))
    octets = tf.io.decode_raw(head, tf.uint8, fixed_length=tf.cast(blocks, tf.int32) * BLOCK)
    octets = tf.reshape(octets, [tf.shape(files)[0], -1, CARD])
    return octets, tf.bitcast(octets[:, :, :8], tf.int64)


def _are_legal(octets: tf.Tensor) -> tf.Tensor:
    """Return which bytes may stand in keywords. Comparisons with their ranges are faster than a table."""
    steps = np.flatnonzero(np.diff([False, *_LEGAL, False]))
    ranges = [octets - first <= last - first for first, last in zip(steps[::2], steps[1::2] - 1, strict=True)]
    return reduce(operator.or_, ranges)


def _key(keyword: str) -> np.int64:
    return np.frombuffer(keyword.ljust(8).encode(), np.int64)[0]


def _first(matches: tf.Tensor, none: tf.Tensor) -> tf.Tensor:
    """Return the place of the first match in each row; `none` without one."""
    place = tf.argmax(tf.cast(matches, tf.int32), axis=-1, output_type=tf.int32)
    return tf.where(tf.reduce_any(matches, axis=-1), place, none)


def _span(
    offset: tf.Tensor, place: tf.Tensor, present: tf.Tensor, lengths: tf.Tensor, start: int, size: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return position and length of a part of a card; nothing where the card is absent."""
    position = offset + tf.cast(place, tf.int64) * CARD + start
    present &= position + size <= lengths
    return tf.where(present, position, 0), tf.where(present, tf.constant(size, tf.int64), 0)


def _ascii(files: tf.Tensor, offset: tf.Tensor, end: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
    return tf.strings.substr(files, offset, tf.minimum(lengths - offset, tf.cast(end, tf.int64) * CARD))
