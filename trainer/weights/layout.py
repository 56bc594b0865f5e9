"""Layers with weights of every backbone, in the order of the network, with the shapes of their arrays.

Defined without Keras, so that a file of weights can be checked before anything runs. A test compares these
tables with the networks.
"""

from functools import cache
from typing import NamedTuple

from trainer.backbones.efficientnet_stages import (
    HEAD_FILTERS,
    STAGES,
    STEM_FILTERS,
    Stage,
    block_name,
    round_filters,
    stage_repeats,
)
from trainer.backbones.names import FACTS, backbone_facts

Shape = tuple[int, ...]

CONV, DEPTHWISE = "conv2d", "depthwise_conv2d"
NORM, NORMALIZATION = "batch_normalization", "normalization"


class LayerNeeds(NamedTuple):
    """A layer that has weights: its name, its class as Keras spells it in files, the shapes of its arrays."""

    name: str
    kind: str
    shapes: tuple[Shape, ...]


def _conv(name: str, kernel: int, entering: int, leaving: int, *, bias: bool = False) -> LayerNeeds:
    shapes: tuple[Shape, ...] = ((kernel, kernel, entering, leaving),)
    return LayerNeeds(name, CONV, (*shapes, (leaving,)) if bias else shapes)


def _norm(name: str, filters: int) -> LayerNeeds:
    return LayerNeeds(name, NORM, ((filters,),) * 4)  # gamma, beta, moving mean, moving variance


def _block(name: str, stage: Stage, entering: int, leaving: int, *, squeeze: bool) -> list[LayerNeeds]:
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
    # In Lite, stem and head keep their width of B0.
    stem, head = (
        (STEM_FILTERS, HEAD_FILTERS)
        if lite
        else (round_filters(STEM_FILTERS, width), round_filters(HEAD_FILTERS, width))
    )
    layers = [] if lite else [LayerNeeds("normalization", NORMALIZATION, ((3,), (3,), ()))]
    layers += [_conv("stem_conv", 3, 3, stem), _norm("stem_bn", stem)]
    filters, repeats = stem, stage_repeats(depth, lite=lite)
    for number, stage in enumerate(STAGES):
        leaving = round_filters(stage.filters, width)
        for repeat in range(repeats[number]):
            layers += _block(block_name(number, repeat), stage, filters, leaving, squeeze=not lite)
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
        A key of `trainer.backbones.names.FACTS`.

    Returns
    -------
    tuple of LayerNeeds
    """
    facts = backbone_facts(name)
    if facts.family == "tinyconv":
        return tuple(_tiny_conv())
    return tuple(_efficientnet(facts.width, facts.depth, lite=facts.family == "efficientnet-lite"))


def all_layouts() -> dict[str, tuple[LayerNeeds, ...]]:
    """Return the layouts of all backbones by name."""
    return {name: weights_layout(name) for name in FACTS}
