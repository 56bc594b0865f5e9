"""From the bytes of FITS files to flux, inside a TensorFlow graph, by the rules of the ingest."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import tensorflow as tf

from preprocessing.bands import band_name
from preprocessing.flux_scale import NINES, SATURATION_KEYWORDS, ZERO_POINT_KEYWORDS
from preprocessing.graph.blank_areas import without_blank_areas
from preprocessing.graph.cards import first_problem, is_number, number, string
from preprocessing.graph.images import Images, Layout, find_images
from preprocessing.graph.parts import in_parts
from preprocessing.graph.pixels import decode, decode_cuts, sky_level
from preprocessing.graph.rejects import MEASURED, Measured, measure, reject_reason, saturated_pixels
from preprocessing.settings import FACTOR_RANGE, LARGEST_ZERO_POINT

_WORD = r"[^0-9]*"
_NOT_FINITE = r"(?i)'? *[+-]?(?:nan|inf|infinity) *'?"
_NAMED_PROBLEMS = 5
_PART = 24  # planes; a multiple of 8, for which TensorFlow slices strings without a copy
_PARALLEL = 8
_CUBES = "this model was trained on cubes, which this signature does not read; send the flux to classify_flux"


def flux_reader(
    bands: Sequence[str], side: int, flux: Mapping[str, Any], limits: Mapping[str, Any]
) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """Return `FluxReader.read` as a function of graphs; parameters are those of `FluxReader`.

    It is traced once in a process for equal rules, which takes three seconds.
    """
    return _traced_reader(
        tuple(bands), side, json.dumps(flux, sort_keys=True), json.dumps(limits, sort_keys=True)
    )


@lru_cache(8)
def _traced_reader(
    bands: tuple[str, ...], side: int, flux: str, limits: str
) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    reader = FluxReader(bands, side, json.loads(flux), json.loads(limits))
    batch = tf.TensorSpec([None, len(bands)], tf.string), tf.TensorSpec([], tf.int32)
    function: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] = tf.function(
        reader.read, input_signature=batch, autograph=False
    )
    return function


class FluxReader:
    """The reading of stamps in a graph.

    Parameters
    ----------
    bands : sequence of str
        The three bands of the model, red first.
    side : int
        Side of the square that is cut from each plane's centre [pixels].
    flux : mapping
        ``background``, ``zero_points``, ``reference_zero_point`` and ``flux_factors`` of the training stamps,
        as `DataSettings.flux` gives them.
    limits : mapping
        ``max_blank`` and ``max_saturated`` of the training stamps, and ``cubes``: whether their bands were
        planes of one file. Such files are refused.
    """

    def __init__(
        self, bands: Sequence[str], side: int, flux: Mapping[str, Any], limits: Mapping[str, Any]
    ) -> None:
        self.bands, self.side, self.limits = tuple(map(band_name, bands)), side, limits
        self.flux = flux
        zero_points = flux["zero_points"]
        if isinstance(zero_points, Mapping):
            missing = [band for band in self.bands if band not in zero_points]
            if missing:
                raise ValueError(f"[data] zero_points has none for band {missing[0]}")

    def read(self, files: tf.Tensor, first: tf.Tensor | int = 0) -> tf.Tensor:
        """Read a batch of objects.

        Parameters
        ----------
        files : tf.Tensor, string, shape (N, 3)
            The bytes of one FITS file per band, red first.
        first : tf.Tensor, int32, shape (), or int
            Position of the first object in the request, for messages.

        Returns
        -------
        tf.Tensor, float32, shape (3, N, side, side)
            Flux, the bands first; blank pixels are NaN or infinite.

        Raises
        ------
        tf.errors.InvalidArgumentError
            If a file cannot be read, or its stamp would be a reject; raised when the graph runs. The message
            names the position in the batch, the band and the reason.

        Notes
        -----
        1. `find_images` finds the image and its pixels' type.
        2. Only the rows of the cut are decoded, unless the sky level is needed, which is that of the whole
           stamp (`preprocessing.flux_scale.FluxScale`).
        3. Areas without data become NaN, zero points and factors are applied, and the limits on blank and
           saturated pixels are checked as in `preprocessing.stamps.StampReader`. There is no position to be
           compared with the header's.

        Pixels are read in parts of the batch, which stay in the processor's cache; that takes a third of the
        time of whole batches.
        """
        count = tf.shape(files)[0]
        planes = tf.reshape(files, [-1])
        images = find_images(planes, self._keywords)
        factors, no_factor = self._factors(images, count)
        levels, no_level = self._levels(images)
        cubes = tf.fill(tf.shape(images.problem), bool(self.limits["cubes"]))
        problem = first_problem(images.problem, (cubes, _CUBES), self._too_small(images.layout))
        problem = first_problem(problem, (tf.not_equal(no_level, ""), no_level))
        problem = first_problem(problem, (tf.not_equal(no_factor, ""), no_factor))
        # A plane that cannot be read becomes zeros, and the request fails for the reason that is known.
        good = tf.equal(problem, "")

        def part_of(part: slice) -> tuple[tf.Tensor, ...]:
            layout = images.layout.of(part)
            return self._planes(planes[part], layout, levels[part], factors[part], good[part])

        cuts = tf.TensorSpec([None, self.side, self.side], tf.float32)
        flux, *measured = in_parts(part_of, tf.size(planes), _PART, (cuts, *MEASURED), parallel=_PARALLEL)
        problem = reject_reason(problem, Measured(*measured), self.side**2, self.limits)
        bands = len(self.bands)
        with tf.control_dependencies([self._refused(problem, first)]):
            order = tf.reshape(tf.transpose(tf.reshape(tf.range(count * bands), [count, bands])), [-1])
            return tf.reshape(tf.gather(flux, order), [bands, count, self.side, self.side])

    @property
    def _keywords(self) -> tuple[str, ...]:
        """Keywords of headers that are needed beside those of the pixels."""
        zero_points = ZERO_POINT_KEYWORDS if self.flux["zero_points"] == "header" else ()
        return (*zero_points, *(SATURATION_KEYWORDS if self.limits["max_saturated"] < 1 else ()))

    def _planes(
        self, files: tf.Tensor, layout: Layout, levels: tf.Tensor, factors: tf.Tensor, good: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        """Return the flux (P, side, side) and the fields of `Measured`."""
        cuts, saturated = self._cuts(files, layout, levels, good)
        flux = tf.cond(
            tf.reduce_all(tf.equal(factors, 1.0)),
            lambda: cuts,
            lambda: tf.cast(tf.cast(cuts, tf.float64) * factors[:, None, None], tf.float32),
        )
        return flux, *measure(flux, saturated)

    def _too_small(self, layout: Layout) -> tuple[tf.Tensor, tf.Tensor]:
        size = (tf.strings.as_string(layout.width), " x ", tf.strings.as_string(layout.height))
        sentence = tf.strings.join([*size, f" pixels, the cut needs {self.side} x {self.side}"])
        return tf.minimum(layout.height, layout.width) < self.side, sentence

    def _cuts(
        self, files: tf.Tensor, layout: Layout, levels: tf.Tensor, good: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the cuts without their sky (P, side, side), and how many pixels are saturated (P,)."""
        if self.flux["background"] == "none":
            cuts = without_blank_areas(decode_cuts(files, layout, good, self.side), levels)
            return cuts, saturated_pixels(cuts, levels)

        def plane(number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            image = without_blank_areas(decode(files, layout, number)[None], levels[number, None])
            cut = _centre(image[0], self.side)
            saturated = saturated_pixels(cut[None], levels[number, None])[0]
            return cut - tf.cast(sky_level(image[0]), tf.float32), saturated

        none = tf.zeros([self.side, self.side]), tf.constant(0.0, tf.float64)
        return tf.map_fn(
            lambda number: tf.cond(good[number], lambda: plane(number), lambda: none),
            tf.range(tf.size(files)),
            fn_output_signature=(tf.TensorSpec([self.side] * 2, tf.float32), tf.TensorSpec([], tf.float64)),
        )

    def _refused(self, problem: tf.Tensor, first: tf.Tensor | int) -> tf.Operation:
        bad = tf.cast(tf.where(tf.not_equal(problem, ""))[:, 0], tf.int32)
        some = bad[:_NAMED_PROBLEMS]
        names = tf.constant(self.bands)
        sentences = tf.strings.join(
            [
                "object ",
                tf.strings.as_string(first + some // len(self.bands)),
                ", band ",
                tf.gather(names, some % len(self.bands)),
                ": ",
                tf.gather(problem, some),
            ]
        )
        more = tf.where(
            tf.size(bad) > _NAMED_PROBLEMS,
            tf.strings.join(
                [
                    "; and ",
                    tf.strings.as_string(tf.size(bad) - _NAMED_PROBLEMS),
                    " more up to object ",
                    tf.strings.as_string(first + (tf.size(problem) - 1) // len(self.bands)),
                ]
            ),
            "",
        )
        message = tf.strings.join([tf.strings.reduce_join(sentences, separator="; "), more])
        return tf.debugging.Assert(tf.equal(tf.size(bad), 0), [message])

    def _factors(self, images: Images, count: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the factor of each plane's flux, and why there is none."""
        configured = [float(self.flux["flux_factors"].get(band, 1.0)) for band in self.bands]
        factors = tf.tile(tf.constant(configured, tf.float64), [count])
        zero_points, problem = self.flux["zero_points"], tf.fill(tf.shape(images.problem), "")
        if zero_points == "none":
            return factors, problem
        if isinstance(zero_points, Mapping):
            each = tf.tile(tf.constant([zero_points[band] for band in self.bands], tf.float64), [count])
        else:
            each, problem = self._zero_points(images)
        factors *= tf.pow(tf.constant(10.0, tf.float64), -0.4 * (each - self.flux["reference_zero_point"]))
        outside = (factors < FACTOR_RANGE[0]) | (factors > FACTOR_RANGE[1])
        text = tf.strings.join(
            ["flux would be multiplied by ", tf.strings.as_string(factors, scientific=True)]
        )
        return factors, first_problem(problem, (outside, text))

    def _levels(self, images: Images) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the value from which pixels are saturated, infinite if unknown, and impossible ones."""
        level = tf.fill(tf.shape(images.problem), tf.constant(np.inf, tf.float64))
        problem = tf.fill(tf.shape(images.problem), "")
        if self.limits["max_saturated"] >= 1:
            return level, problem
        for keyword in SATURATION_KEYWORDS:
            text, there, value, is_word, unclear = self._value(images, keyword)
            open_ = there & tf.math.is_inf(level)
            nines = tf.reduce_any(tf.equal(value[:, None], tf.constant(sorted(NINES), tf.float64)), axis=-1)
            bad = unclear | (~is_word & ((value < 0) | nines | tf.math.is_inf(value)))
            said = tf.strings.join([f"{keyword} = ", text, " is not a saturation level"])
            problem = first_problem(problem, (open_ & bad, said))
            level = tf.where(open_ & ~is_word & (value > 0) & ~bad, value, level)
        return level, problem

    def _value(self, images: Images, keyword: str) -> tuple[tf.Tensor, ...]:
        """Return text, presence, number, whether it is a word, and whether it is neither of both."""
        place = self._keywords.index(keyword)
        text, there = images.texts[place], images.present[place]
        inner = tf.strings.strip(string(text))
        is_word = ~is_number(inner) & tf.strings.regex_full_match(text, _WORD)
        is_word &= ~tf.strings.regex_full_match(text, _NOT_FINITE)
        return inner, there, number(inner), is_word, ~is_word & ~is_number(inner)

    def _zero_points(self, images: Images) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the zero point in each header [mag], and why there is none."""
        missing = f"no zero point in the header (none of {', '.join(ZERO_POINT_KEYWORDS)})"
        problem = tf.fill(tf.shape(images.problem), missing)
        chosen = tf.fill(tf.shape(images.problem), tf.constant(0.0, tf.float64))
        open_ = tf.fill(tf.shape(images.problem), True)
        for keyword in ZERO_POINT_KEYWORDS:
            text, there, value, is_word, unclear = self._value(images, keyword)
            counts = open_ & there & ~is_word
            bad = unclear | (tf.abs(value) > LARGEST_ZERO_POINT)
            limits = f"lies between {-LARGEST_ZERO_POINT:g} and {LARGEST_ZERO_POINT:g} mag"
            said = tf.strings.join([f"{keyword} = ", text, f" is not a zero point, which {limits}"])
            problem = tf.where(counts, tf.where(bad, said, ""), problem)
            chosen = tf.where(counts & ~bad, value, chosen)
            open_ &= ~counts
        return chosen, problem


def _centre(image: tf.Tensor, side: int) -> tf.Tensor:
    top, left = (tf.shape(image)[0] - side) // 2, (tf.shape(image)[1] - side) // 2
    return tf.ensure_shape(image[top : top + side, left : left + side], [side, side])
