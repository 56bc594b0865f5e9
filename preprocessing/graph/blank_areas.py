"""`preprocessing.blank_areas` as a TensorFlow graph."""

import tensorflow as tf

from preprocessing import blank_areas as rule


def without_blank_areas(images: tf.Tensor, saturation: tf.Tensor) -> tf.Tensor:
    """Set the pixels of areas that hold one number in place of data to NaN.

    Parameters
    ----------
    images : tf.Tensor, float32, shape (P, H, W)
        Pixel values in the units of the files.
    saturation : tf.Tensor, float64, shape (P,)
        The value from which a pixel is saturated; infinite if unknown.

    Returns
    -------
    tf.Tensor, float32, shape (P, H, W)
        NaN where `preprocessing.blank_areas.blank_areas` finds a pixel blank.
    """
    # A gather of rows takes a third of the time of a slice with a step.
    rows = tf.gather(images, tf.range(0, tf.shape(images)[1], rule.SAMPLED_ROWS), axis=1)
    count, height, width = tf.unstack(tf.shape(rows))
    # One row after the other, which is faster. Runs from one row into the next count here, not in the search.
    row = tf.reshape(rows, [count, height * width])
    same = tf.equal(row[:, 1:], row[:, :-1])
    runs = tf.reduce_sum(tf.cast(same[:, 1:] & same[:, :-1], tf.float32), axis=-1)
    least = tf.maximum(_real(rule.LEAST_RUNS), rule.LEAST_SHARE * _real(height * (width - 2)))
    many = _real(runs) >= least

    def searched(number: tf.Tensor) -> tf.Tensor:
        image = images[number]
        return tf.cond(many[number], lambda: _search(image, least, saturation[number]), lambda: image)

    return tf.cond(
        tf.reduce_any(many),
        lambda: tf.map_fn(searched, tf.range(tf.shape(images)[0]), fn_output_signature=tf.float32),
        lambda: images,
    )


def _search(image: tf.Tensor, least: tf.Tensor, saturation: tf.Tensor) -> tf.Tensor:
    image = tf.where(tf.equal(image, 0.0), 0.0, image)  # -0 becomes 0, which `tf.unique` would tell apart
    rows = image[:: rule.SAMPLED_ROWS]
    same = tf.equal(rows[:, 1:], rows[:, :-1])
    runs = same[:, 1:] & same[:, :-1]
    numbers, _, counts = tf.unique_with_counts(tf.sort(tf.boolean_mask(rows[:, 2:], runs)))
    enough = tf.math.count_nonzero(_real(counts) >= least, dtype=tf.int32)
    places = tf.argsort(-counts, stable=True)[: tf.minimum(enough, rule.MOST_NUMBERS)]
    total = tf.size(places)
    masks = tf.TensorArray(tf.bool, size=total, element_shape=[None, None], infer_shape=False)

    def step(
        turn: tf.Tensor, blank: tf.Tensor, image: tf.Tensor, levels: tf.Tensor, masks: tf.TensorArray
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.TensorArray]:
        place = places[turn]
        number = numbers[place]
        finite = tf.math.is_finite(number)
        lowest, highest = (tf.cast(factor * saturation, tf.float32) for factor in (1.0, rule.FAR_ABOVE))
        saturated = finite & (lowest <= number) & (number <= highest)
        none = tf.zeros_like(image, tf.bool)

        def looked_for() -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            pixels = tf.equal(image, number)
            there, areas = _areas(pixels)
            return tf.cond(
                there, lambda: _judged(image, pixels, areas, number), lambda: (False, tf.constant(True), none)
            )

        found, level, mask = tf.cond(
            finite & ~saturated, looked_for, lambda: (tf.constant(False), ~saturated, none)
        )
        levels = tf.tensor_scatter_nd_update(levels, [[place]], [levels[place] & level])
        image = tf.cond(found, lambda: _without_far(image, mask, number), lambda: image)
        return turn + 1, blank | found, image, levels, masks.write(turn, mask)

    _, blank, rest, levels, masks = tf.while_loop(
        lambda turn, *_: turn < total,
        step,
        (0, False, image, tf.math.is_finite(numbers), masks),
        parallel_iterations=1,
    )
    return tf.cond(
        blank,
        lambda: _choose(image, rest, rows, numbers, counts, places, levels, masks.stack()),
        lambda: image,
    )


def _judged(
    image: tf.Tensor, pixels: tf.Tensor, areas: tf.Tensor, number: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Return whether areas are blank, whether their number may be a level of the data, and what is blank."""

    def blank() -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        stray = tf.math.count_nonzero(pixels) - tf.math.count_nonzero(areas)
        everywhere = _real(stray) <= rule.STRAY * _real(tf.size(image))
        return tf.constant(True), tf.constant(False), tf.where(everywhere, pixels, areas)

    def data() -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        largest = tf.reduce_max(tf.where(tf.math.is_nan(image), -float("inf"), image))
        return tf.constant(False), tf.not_equal(number, largest), tf.zeros_like(pixels)

    return tf.cond(_is_data(image, pixels, areas, number), data, blank)


def _without_far(image: tf.Tensor, mask: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
    """Blank a number that is far from all others, so that the next is not compared with it."""
    others = tf.boolean_mask(image, tf.math.is_finite(image) & ~mask)
    far = tf.cond(tf.size(others) > 0, lambda: ~_lie_among(others, number[None])[0], lambda: False)
    return tf.where(mask & far, float("nan"), image)


def _choose(
    image: tf.Tensor,
    rest: tf.Tensor,
    rows: tf.Tensor,
    numbers: tf.Tensor,
    counts: tf.Tensor,
    places: tf.Tensor,
    levels: tf.Tensor,
    masks: tf.Tensor,
) -> tf.Tensor:
    """Drop the numbers that are levels of coarsely quantised data, and blank the areas of the others."""
    found = tf.reduce_any(masks, axis=(1, 2))
    data = tf.boolean_mask(rest, tf.math.is_finite(rest) & ~tf.reduce_any(masks, axis=0))
    candidates = tf.gather(numbers, places)
    among = found & tf.cond(
        tf.size(data) > 0, lambda: _lie_among(data, candidates), lambda: tf.zeros_like(found)
    )
    filled = tf.reduce_sum(tf.boolean_mask(_real(tf.gather(counts, places)), among))
    beyond = _runs_beyond_chance(rows, tf.boolean_mask(numbers, levels), tf.boolean_mask(counts, levels))
    enough = tf.minimum(rule.COARSE * filled, rule.REPEATED * _real(tf.size(data)) / rule.SAMPLED_ROWS)
    coarse = (tf.math.count_nonzero(among) > 1) | (beyond > enough)
    found &= ~(among & coarse)
    fills = tf.math.count_nonzero(found)
    blank = tf.reduce_any(masks & found[:, None, None], axis=0)
    blank &= (fills <= rule.MOST_FILLS) & (tf.size(data) > 0)
    return tf.where(blank, float("nan"), image)


def _runs_beyond_chance(rows: tf.Tensor, numbers: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
    values = tf.sort(tf.reshape(tf.where(tf.math.is_nan(rows), float("inf"), rows), [-1]))
    pixels = tf.searchsorted(values, numbers, "right") - tf.searchsorted(values, numbers, "left")
    share = _real(pixels) / _real(tf.size(rows))
    return _real(tf.reduce_sum(counts)) - _real(tf.size(rows[:, 2:])) * tf.reduce_sum(share**3)


def _lie_among(data: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
    ordered = tf.sort(tf.cast(data, tf.float64))
    low, high = (_percentile(ordered, percent) for percent in rule.MOST_DATA)
    exact, reach = tf.cast(numbers, tf.float64), high - low
    return (ordered[0] - reach <= exact) & (exact <= ordered[-1] + reach)


def _percentile(ordered: tf.Tensor, percent: float) -> tf.Tensor:
    """Return the percentile of sorted values by linear interpolation, as `numpy.percentile` does."""
    place = percent / 100 * _real(tf.size(ordered) - 1)
    below = tf.cast(tf.floor(place), tf.int32)
    above = tf.minimum(below + 1, tf.size(ordered) - 1)
    return ordered[below] + (place - tf.floor(place)) * (ordered[above] - ordered[below])


def _areas(pixels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return whether there are squares that are too large for chance, and their union."""
    size = tf.size(pixels, tf.int64)
    given, table = tf.math.count_nonzero(pixels), _table(pixels)
    first = _largest_square(table, _side_beyond_chance(_real(given) / _real(size), size))

    def step(
        side: tf.Tensor, open_: tf.Tensor, there: tf.Tensor, areas: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        areas = _covered(table, side)
        inside = tf.math.count_nonzero(areas)
        outside = tf.where(inside < size, _real(given - inside) / _real(tf.maximum(size - inside, 1)), 0.0)
        smaller = _side_beyond_chance(outside, size)
        return tf.minimum(side, smaller), smaller < side, tf.equal(smaller, side), areas

    _, _, there, areas = tf.while_loop(
        lambda side, open_, *_: open_ & (side >= 2),
        step,
        (first, True, False, tf.zeros_like(pixels)),
        shape_invariants=(tf.TensorShape([]),) * 3 + (tf.TensorShape([None, None]),),
        parallel_iterations=1,
    )
    return there, areas


def _side_beyond_chance(share: tf.Tensor, total: tf.Tensor) -> tf.Tensor:
    inner = tf.clip_by_value(share, 1e-300, 1 - 1e-16)
    side = tf.math.ceil(tf.sqrt(rule.ALIKE * tf.math.log(_real(total) / rule.CHANCE) / -tf.math.log(inner)))
    chosen = tf.maximum(2, tf.cast(tf.minimum(side, 1e6), tf.int32))
    return tf.where(share <= 0, 2, tf.where(share >= 1, tf.cast(total, tf.int32), chosen))


def _largest_square(table: tf.Tensor, most: tf.Tensor) -> tf.Tensor:
    def step(least: tf.Tensor, most: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        side = (least + most + 1) // 2
        there = tf.reduce_any(tf.equal(_sums(table, side), side * side))
        return tf.where(there, side, least), tf.where(there, most, side - 1)

    least, _ = tf.while_loop(
        lambda least, most: least < most,
        step,
        (0, tf.minimum(most, tf.reduce_min(tf.shape(table)) - 1)),
        parallel_iterations=1,
    )
    return least


def _covered(table: tf.Tensor, side: tf.Tensor) -> tf.Tensor:
    squares = tf.equal(_sums(table, side), side * side)
    return _sums(_table(_padded(squares, side - 1)), side) > 0


def _table(pixels: tf.Tensor) -> tf.Tensor:
    sums = tf.cumsum(tf.cumsum(tf.cast(pixels, tf.int32), axis=0), axis=1)
    return tf.pad(sums, [[1, 0], [1, 0]])


def _sums(table: tf.Tensor, side: tf.Tensor) -> tf.Tensor:
    return table[side:, side:] - table[:-side, side:] - table[side:, :-side] + table[:-side, :-side]


def _padded(pixels: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    return tf.pad(pixels, tf.stack([[width, width]] * 2))


def _rim(areas: tf.Tensor, width: int) -> tf.Tensor:
    return (_sums(_table(_padded(areas, tf.constant(width))), tf.constant(2 * width + 1)) > 0) & ~areas


def _is_data(image: tf.Tensor, pixels: tf.Tensor, areas: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
    rim = _rim(areas, rule.RIM)
    usual = _real(tf.math.count_nonzero(pixels & rim)) >= rule.USUAL * _real(tf.math.count_nonzero(rim))
    finite = tf.math.is_finite(image) & ~areas
    beside, others = tf.boolean_mask(image, _rim(areas, 1) & finite), tf.boolean_mask(image, finite)
    ordered = tf.sort(others)
    steps = ordered[1:] - ordered[:-1]
    steps = tf.boolean_mask(steps, steps > 0)

    def compared() -> tf.Tensor:
        middle = _median(ordered)
        spread = rule.MAD_TO_SIGMA * _median(tf.sort(tf.abs(others - middle)))
        near = tf.maximum(rule.NEAR * spread, tf.reduce_min(steps))
        close = tf.math.count_nonzero(tf.abs(beside - number) <= near)
        leads = _real(close) >= rule.HALF * _real(tf.size(beside))
        star = (number > ordered[-1]) & (_median(tf.sort(beside)) - middle > rule.NEAR * (number - middle))
        return leads | star

    return usual | tf.cond(tf.size(steps) > 0, compared, lambda: True)


def _median(ordered: tf.Tensor) -> tf.Tensor:
    """Return the median of sorted values, as `numpy.median` does; NaN if there are none."""
    size = tf.size(ordered)
    some = tf.concat([ordered, tf.fill([tf.cast(tf.equal(size, 0), tf.int32)], float("nan"))], 0)
    size = tf.size(some)
    below, above = some[(size - 1) // 2], some[size // 2]
    return tf.where(tf.equal(size % 2, 1), above, (below + above) / 2)  # twice a number may be infinite


def _real(value: tf.Tensor | float) -> tf.Tensor:
    return tf.cast(value, tf.float64)
