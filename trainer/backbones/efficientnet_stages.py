"""The stages of EfficientNetB0 and the scaling rules of the family. Does not import Keras."""

import math
from typing import NamedTuple


class Stage(NamedTuple):
    """A stage of blocks: kernel size, depth, width, stride of the first block, expansion."""

    kernel: int
    repeats: int
    filters: int
    stride: int
    expand: int


STAGES = (
    Stage(3, 1, 16, 1, 1),
    Stage(3, 2, 24, 2, 6),
    Stage(5, 2, 40, 2, 6),
    Stage(3, 3, 80, 2, 6),
    Stage(5, 3, 112, 1, 6),
    Stage(5, 4, 192, 2, 6),
    Stage(3, 1, 320, 1, 6),
)
"""The stages of B0, before scaling (Tan & Le 2019, arXiv:1905.11946, table 1)."""

STEM_FILTERS, HEAD_FILTERS = 32, 1280


def round_filters(filters: int, width: float, divisor: int = 8) -> int:
    """Return `filters` scaled by `width`, as a multiple of `divisor` that is not over 10 % smaller."""
    scaled = filters * width
    rounded = max(divisor, int(scaled + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * scaled else rounded


def stage_repeats(depth: float, *, lite: bool) -> list[int]:
    """Return the number of blocks of each stage.

    Parameters
    ----------
    depth : float
        Factor by which B0 is deepened.
    lite : bool
        Whether the first and the last stage keep their depth of B0, as in EfficientNet-Lite.

    Returns
    -------
    list of int
        One for each of `STAGES`.
    """
    fixed = (0, len(STAGES) - 1) if lite else ()
    return [
        stage.repeats if number in fixed else math.ceil(depth * stage.repeats)
        for number, stage in enumerate(STAGES)
    ]


def block_name(stage: int, repeat: int) -> str:
    """Return the name of a block, counted from 0: stage 0 and repeat 0 give ``block1a``."""
    return f"block{stage + 1}{chr(ord('a') + repeat)}"
