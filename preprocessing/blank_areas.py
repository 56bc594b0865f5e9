"""Find areas of a stamp that are filled with one number in place of data.

Reprojected images and the edges of coadds hold 0, -9999, 1e30 or another number where there are no data.
The number alone is not enough to recognise such an area, because most pixels of a photon count image may be
0, too. Two properties identify it: the number fills squares that are too large for chance, and it is rare in
the pixels around them.
"""

import math

import numpy as np

SAMPLED_ROWS = 3  # every third row is searched for runs of one number
LEAST_RUNS = 4
LEAST_SHARE = 0.002  # of the pixels sampled, that begin a run
MOST_NUMBERS = 8
CHANCE = 1e-3  # expected number of squares filled by chance in one stamp
ALIKE = 4  # neighbouring pixels that are equal where noise is smooth
RIM = 4  # width of the rim around an area that is examined [pixels]
USUAL = 0.25  # share of the rim from which the number counts as data
NEAR = 0.25  # of the spread of the pixels: values this close to the number lead up to it
HALF = 0.5
FAR_ABOVE = 10.0  # times the saturation level: no saturated pixel has such a value
MOST_FILLS = 2
MOST_DATA = (1, 99)  # percentiles
COARSE = 0.25  # runs of other numbers, beyond chance, per run of a number in an area
REPEATED = 0.05  # the same, per pixel of the data
MAD_TO_SIGMA = 1.482602218505602  # of a normal distribution
STRAY = 0.01  # up to this share of all pixels, the number counts as blank outside the areas, too


def blank_areas(
    image: np.ndarray, saturation: float | None = None
) -> tuple[np.ndarray, tuple[float, ...]] | None:
    """Find the pixels that hold a number in place of data.

    Parameters
    ----------
    image : numpy.ndarray, float32, shape (H, W)
        Pixel values in the units of the file.
    saturation : float, optional
        The value from which a pixel is saturated. Saturated areas hold one number, too, but are not blank.

    Returns
    -------
    blank : numpy.ndarray, bool, shape (H, W)
    numbers : tuple of float
        The numbers that fill areas.
    None
        If there are no such areas, or nothing else.

    Notes
    -----
    1. Candidates are numbers that fill runs of three pixels in a row. Floating-point noise has no such runs,
       so most stamps end here, after a comparison of a third of the pixels.
    2. A candidate with share ``f`` of the pixels fills a square of side ``k`` by chance ``N f**(k * k / 4)``
       times in a stamp of ``N`` pixels, if four neighbours are equal. ``k`` is the least side for which this
       is below 0.001. An area is the union of such squares. The step is repeated with ``f`` as the share of
       the candidate outside the areas, until nothing changes.
    3. If a quarter or more of the pixels in the rim of the areas hold the same number, the number is data,
       such as photon counts or 8-bit brightness.
    4. If half of the pixels that touch the areas are close to the number (within a quarter of the spread of
       all pixels, or within the step between two levels), the data lead up to it: they are smooth, or were
       clipped. If it is the largest number and they come a quarter of the way to it, it is a saturated star.
    5. A number in the range of the data is a level of coarsely quantised data, such as the flat blocks of a
       JPEG picture, if another such number fills areas, or if other numbers repeat in runs more often than
       by chance. If all other pixels hold one number, no decision is possible.
    """
    rows = image[::SAMPLED_ROWS]
    same = rows[:, 1:] == rows[:, :-1]
    runs = same[:, 1:] & same[:, :-1]
    least = max(LEAST_RUNS, LEAST_SHARE * runs.size)
    if np.count_nonzero(runs) < least:
        return None
    numbers, counts = np.unique(rows[:, 2:][runs], return_counts=True)
    found, levels = {}, np.isfinite(numbers)
    for place in np.argsort(-counts, kind="stable")[:MOST_NUMBERS]:
        number = numbers[place]
        if counts[place] < least or not np.isfinite(number):
            continue
        if saturation is not None and saturation <= number <= FAR_ABOVE * saturation:
            levels[place] = False
            continue
        pixels = image == number
        areas = _areas(pixels)
        if areas is None:
            continue
        if _is_data(image, pixels, areas, number):
            levels[place] = number != np.nanmax(image)  # the largest number may be a saturated star
            continue
        levels[place] = False
        stray = np.count_nonzero(pixels) - np.count_nonzero(areas)
        found[number] = pixels if stray <= STRAY * image.size else areas
        others = image[np.isfinite(image) & ~found[number]]
        if others.size and not _lies_among(others, number):
            # The next number must not be compared with one that is far from the data.
            image = np.where(found[number], np.float32(np.nan), image)
    if not found:
        return None
    data = image[np.isfinite(image) & ~np.logical_or.reduce(list(found.values()))]
    if not data.size:
        return None
    among = [number for number in found if _lies_among(data, number)]
    filled = counts[np.isin(numbers, among)].sum()
    enough = min(COARSE * filled, REPEATED * data.size / SAMPLED_ROWS)
    if len(among) > 1 or _runs_beyond_chance(rows, numbers[levels], counts[levels]) > enough:
        found = {number: pixels for number, pixels in found.items() if number not in among}
    if not 0 < len(found) <= MOST_FILLS:
        return None
    return np.logical_or.reduce(list(found.values())), tuple(float(number) for number in found)


def _runs_beyond_chance(rows: np.ndarray, numbers: np.ndarray, counts: np.ndarray) -> float:
    """Return how many more runs of three equal pixels there are than independent pixels would have."""
    values, pixels = np.unique(rows, return_counts=True)
    share = pixels[np.searchsorted(values, numbers)] / rows.size
    return float(counts.sum() - rows[:, 2:].size * (share**3).sum())


def _lies_among(data: np.ndarray, number: np.floating) -> bool:
    """Return whether a number lies in the range of the data, or no further outside than most data reach."""
    low, high = np.percentile(data.astype(np.float64), MOST_DATA)
    return bool(data.min() - (high - low) <= number <= data.max() + (high - low))


def _areas(pixels: np.ndarray) -> np.ndarray | None:
    """Return the union of the squares that are too large for chance; None if there are none."""
    given, table = int(np.count_nonzero(pixels)), _table(pixels)
    side = _largest_square(table, _side_beyond_chance(given / pixels.size, pixels.size))
    while side >= 2:
        areas = _covered(table, side)
        inside = int(np.count_nonzero(areas))
        outside = (given - inside) / (pixels.size - inside) if inside < pixels.size else 0.0
        smaller = _side_beyond_chance(outside, pixels.size)
        if smaller >= side:
            return areas if smaller == side else None
        side = smaller
    return None


def _side_beyond_chance(share: float, total: int) -> int:
    if share <= 0:
        return 2
    if share >= 1:
        return total
    return max(2, math.ceil(math.sqrt(ALIKE * math.log(total / CHANCE) / -math.log(share))))


def _largest_square(table: np.ndarray, most: int) -> int:
    """Return the side of the largest square of set pixels, or `most` if that is smaller."""
    least, most = 0, min(most, *(length - 1 for length in table.shape))
    while least < most:
        side = (least + most + 1) // 2
        if (_sums(table, side) == side * side).any():
            least = side
        else:
            most = side - 1
    return least


def _covered(table: np.ndarray, side: int) -> np.ndarray:
    """Return the pixels that lie in a square of set pixels."""
    squares = _sums(table, side) == side * side
    return _sums(_table(np.pad(squares, side - 1)), side) > 0


def _table(pixels: np.ndarray) -> np.ndarray:
    """Return the number of set pixels above and to the left of each corner: shape (H + 1, W + 1)."""
    table = np.zeros((pixels.shape[0] + 1, pixels.shape[1] + 1), np.int32)
    table[1:, 1:] = pixels.cumsum(0, dtype=np.int32).cumsum(1, dtype=np.int32)
    return table


def _sums(table: np.ndarray, side: int) -> np.ndarray:
    """Return the number of set pixels in each square: shape (H - side + 1, W - side + 1)."""
    return table[side:, side:] - table[:-side, side:] - table[side:, :-side] + table[:-side, :-side]


def _is_data(image: np.ndarray, pixels: np.ndarray, areas: np.ndarray, number: np.floating) -> bool:
    rim = _rim(areas, RIM)
    if np.count_nonzero(pixels & rim) >= USUAL * np.count_nonzero(rim):
        return True
    finite = np.isfinite(image) & ~areas
    beside, others = image[_rim(areas, 1) & finite], image[finite]
    if not others.size:
        return True
    levels = np.unique(others)
    if len(levels) < 2:
        return True
    with np.errstate(over="ignore", invalid="ignore"):
        middle = np.median(others)
        spread = MAD_TO_SIGMA * np.median(np.abs(others - middle))
        step = np.diff(levels).min()
        distance = np.abs(beside - number)
        if np.count_nonzero(distance <= max(NEAR * spread, step)) >= HALF * beside.size:
            return True
        return bool(number > others.max() and np.median(beside) - middle > NEAR * (number - middle))


def _rim(areas: np.ndarray, width: int) -> np.ndarray:
    """Return the pixels in a rim around areas."""
    return (_sums(_table(np.pad(areas, width)), 2 * width + 1) > 0) & ~areas
