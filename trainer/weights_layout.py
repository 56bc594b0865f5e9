"""The weights that every backbone needs: its layers, in the order of the network, with their shapes.

Written down without Keras, so that a file of weights can be told from another before anything runs; a test
compares these tables with the networks that are built.
"""

import math
from functools import cache
from typing import NamedTuple

from trainer.backbone_names import FACTS

Shape = tuple[int, ...]

CONV, DEPTHWISE = "conv2d", "depthwise_conv2d"
NORM, NORMALIZATION = "batch_normalization", "normalization"


class LayerNeeds(NamedTuple):
    """A layer that has weights: its name, its class as Keras spells it in files, the shapes of its arrays."""

    name: str
    kind: str
    shapes: tuple[Shape, ...]


class _Stage(NamedTuple):
    """Blocks of one resolution, before scaling: kernel size, depth, width, expansion."""

    kernel: int
    repeats: int
    filters: int
    expand: int


# Tan & Le 2019, arXiv:1905.11946, table 1.
_STAGES = (
    _Stage(3, 1, 16, 1),
    _Stage(3, 2, 24, 6),
    _Stage(5, 2, 40, 6),
    _Stage(3, 3, 80, 6),
    _Stage(5, 3, 112, 6),
    _Stage(5, 4, 192, 6),
    _Stage(3, 1, 320, 6),
)
_STEM, _HEAD = 32, 1280

# Width and depth: the factors by which B0 is scaled.
_SCALES = {
    "EfficientNetB0": (1.0, 1.0),
    "EfficientNetB1": (1.0, 1.1),
    "EfficientNetB2": (1.1, 1.2),
    "EfficientNetB3": (1.2, 1.4),
    "EfficientNetB4": (1.4, 1.8),
    "EfficientNetB5": (1.6, 2.2),
    "EfficientNetB6": (1.8, 2.6),
    "EfficientNetB7": (2.0, 3.1),
    "EfficientNetLite0": (1.0, 1.0),
    "EfficientNetLite1": (1.0, 1.1),
    "EfficientNetLite2": (1.1, 1.2),
}


def _scaled(filters: int, width: float) -> int:
    """Return `filters` times `width` as the multiple of 8 that is nearest and not over 10 % smaller."""
    exact = filters * width
    rounded = max(8, int(exact + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * exact else rounded


def _conv(name: str, kernel: int, entering: int, leaving: int, *, bias: bool = False) -> LayerNeeds:
    shapes: tuple[Shape, ...] = ((kernel, kernel, entering, leaving),)
    return LayerNeeds(name, CONV, (*shapes, (leaving,)) if bias else shapes)


def _norm(name: str, filters: int) -> LayerNeeds:
    return LayerNeeds(name, NORM, ((filters,),) * 4)  # gamma, beta, moving mean, moving variance


def _block(name: str, stage: _Stage, entering: int, leaving: int, *, squeeze: bool) -> list[LayerNeeds]:
    inner, layers = entering * stage.expand, []
    if stage.expand != 1:
        layers += [_conv(f"{name}_expand_conv", 1, entering, inner), _norm(f"{name}_expand_bn", inner)]
    kernel = (stage.kernel, stage.kernel, inner, 1)
    layers += [LayerNeeds(f"{name}_dwconv", DEPTHWISE, (kernel,)), _norm(f"{name}_bn", inner)]
    if squeeze:
        squeezed = max(1, entering // 4)
        layers.append(_conv(f"{name}_se_reduce", 1, inner, squeezed, bias=True))
        layers.append(_conv(f"{name}_se_expand", 1, squeezed, inner, bias=True))
    return [*layers, _conv(f"{name}_project_conv", 1, inner, leaving), _norm(f"{name}_project_bn", leaving)]


def _efficientnet(width: float, depth: float, *, lite: bool) -> list[LayerNeeds]:
    # Lite leaves the width of stem and head, and the depth of the first and last stage, as they are in B0.
    stem, head = (_STEM, _HEAD) if lite else (_scaled(_STEM, width), _scaled(_HEAD, width))
    layers = [] if lite else [LayerNeeds("normalization", NORMALIZATION, ((3,), (3,), ()))]
    layers += [_conv("stem_conv", 3, 3, stem), _norm("stem_bn", stem)]
    filters = stem
    for number, stage in enumerate(_STAGES, start=1):
        fixed = lite and number in (1, len(_STAGES))
        for repeat in range(stage.repeats if fixed else math.ceil(depth * stage.repeats)):
            name, leaving = f"block{number}{chr(ord('a') + repeat)}", _scaled(stage.filters, width)
            layers += _block(name, stage, filters, leaving, squeeze=not lite)
            filters = leaving
    return [*layers, _conv("top_conv", 1, filters, head), _norm("top_bn", head)]


def _tiny_conv() -> list[LayerNeeds]:
    layers, entering = [], 3
    for number, filters in enumerate((8, 16, 32), start=1):
        layers += [_conv(f"conv{number}", 3, entering, filters), _norm(f"bn{number}", filters)]
        entering = filters
    return [*layers, _conv("conv4", 1, entering, 64, bias=True)]


@cache
def weights_layout(name: str) -> tuple[LayerNeeds, ...]:
    """Return the layers of a backbone that have weights, in the order of the network.

    Parameters
    ----------
    name : str
        A key of `trainer.backbone_names.FACTS`.

    Returns
    -------
    tuple of LayerNeeds
    """
    if name == "TinyConv":
        return tuple(_tiny_conv())
    width, depth = _SCALES[name]
    return tuple(_efficientnet(width, depth, lite="Lite" in name))


def all_layouts() -> dict[str, tuple[LayerNeeds, ...]]:
    """Return the layouts of all backbones by name."""
    return {name: weights_layout(name) for name in FACTS}
