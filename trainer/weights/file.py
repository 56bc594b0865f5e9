"""Read the weights of a backbone from a file that must fit completely. Does not import TensorFlow or Keras.

Keras assigns layer by layer. It notices only halfway that a file does not fit, and may accept a file of a
deeper network without an error. Here a file is first compared with `trainer.weights.layout`.
"""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from trainer.backbones.names import backbone_facts
from trainer.weights.formats import Arrays, StoredNetwork, WeightsError, stored_networks
from trainer.weights.layout import NORM, NORMALIZATION, LayerNeeds, Shape, all_layouts, weights_layout

__all__ = ["WeightsError", "check_weights", "read_weights"]


def read_weights(path: Path, backbone: str) -> list[list[np.ndarray]]:
    """Return the weights of a backbone from a file, after all of them have been checked.

    Parameters
    ----------
    path : Path
        File in any format of `trainer.weights.formats`. A head (dense layers) is left out. In the file of a
        classifier, the backbone is used.
    backbone : str
        A key of `trainer.backbones.names.FACTS`.

    Returns
    -------
    list of list of ndarray
        For each layer with weights, in the order of the network, its arrays in the order of Keras.

    Raises
    ------
    WeightsError
        If the file cannot be read, is damaged, belongs to another network, or has values that are not valid
        weights.
    """
    return list(_checked_layers(path, backbone))


def check_weights(path: Path, backbone: str) -> None:
    """Raise `WeightsError` if `read_weights` would; an HDF5 file is read layer by layer to save memory."""
    for _ in _checked_layers(path, backbone):
        pass


def _checked_layers(path: Path, backbone: str) -> Iterator[list[np.ndarray]]:
    if path.suffix == ".pth" and not backbone_facts(backbone).package:
        raise WeightsError(f"is a .pth file, which only EfficientNetLite accepts, not {backbone}")
    with _damage_told(), stored_networks(path) as networks:
        if not networks:
            raise WeightsError("holds no weights of a network")
        largest = max(networks, key=lambda network: len(network.layers))
        for needs, arrays in zip(weights_layout(backbone), _in_order(largest, backbone), strict=True):
            values = [np.asarray(array[()]) for array in arrays]
            _check_values(needs, values)
            yield values


@contextmanager
def _damage_told() -> Iterator[None]:
    try:
        yield
    except WeightsError:
        raise
    # For damaged files h5py, zipfile and the libraries below them raise almost any exception.
    except Exception as error:
        detail = (str(error).strip() or type(error).__name__).split("\n")[0]
        raise WeightsError(f"is cut short or damaged: {detail}") from error


def _check_values(needs: LayerNeeds, values: list[np.ndarray]) -> None:
    if not all(np.isfinite(value).all() for value in values):
        raise WeightsError(f"holds values that are not finite, first in layer {needs.name}")
    # Mean and variance have the same shape, so a wrong order is noticed only by negative variances.
    variance = {NORM: 3, NORMALIZATION: 1}.get(needs.kind)
    if variance is not None and (values[variance] < 0).any():
        raise WeightsError(f"holds negative variances, first in layer {needs.name}")


def _in_order(network: StoredNetwork, backbone: str) -> list[Arrays]:
    """Return the layers of a network in the order of a backbone; raise `WeightsError` if one differs."""
    layout = weights_layout(backbone)
    layers = {name: arrays for name, arrays in network.layers.items() if not _is_dense(arrays)}
    keys = _numbered_keys(layout) if network.numbered else _named_keys(layout, layers)
    for needs, key in zip(layout, keys, strict=True):
        shapes = _shapes(layers[key]) if key in layers else ()
        if shapes != needs.shapes:
            raise _misfit(layers, backbone, _difference(needs, shapes))
    extra = [key for key in layers if key not in set(keys)]
    if extra:
        raise _misfit(layers, backbone, f"it has {len(extra)} more layers, such as {extra[0]}")
    return [layers[key] for key in keys]


def _is_dense(arrays: Arrays) -> bool:
    return len(arrays) <= 2 and len(arrays[0].shape) == 2


def _numbered_keys(layout: tuple[LayerNeeds, ...]) -> list[str]:
    seen: Counter[str] = Counter()
    keys = []
    for needs in layout:
        keys.append(f"{needs.kind}_{seen[needs.kind]}" if seen[needs.kind] else needs.kind)
        seen[needs.kind] += 1
    return keys


def _named_keys(layout: tuple[LayerNeeds, ...], layers: dict[str, Arrays]) -> list[str]:
    """Find layers by name or, if other software has named them, by their position in the file."""
    # Keras numbers the names of this layer, as in normalization_3.
    by_name = {re.sub(r"^normalization_\d+$", NORMALIZATION, name): name for name in layers}
    if all(needs.name in by_name for needs in layout):
        return [by_name[needs.name] for needs in layout]
    places = list(layers)[: len(layout)]
    return places + [""] * (len(layout) - len(places))


def _shapes(arrays: Arrays) -> tuple[Shape, ...]:
    return tuple(tuple(int(length) for length in array.shape) for array in arrays)


def _difference(needs: LayerNeeds, shapes: tuple[Shape, ...]) -> str:
    if not shapes:
        return f"it has no layer {needs.name}"
    ours, theirs = needs.shapes, shapes
    if len(ours) == len(theirs):
        pairs = [pair for pair in zip(ours, theirs, strict=True) if pair[0] != pair[1]]
        ours, theirs = zip(*pairs, strict=True)
    found, needed = (" + ".join(map(str, several)) for several in (theirs, ours))
    return f"layer {needs.name} has shape {found} where {needed} is needed"


def _misfit(layers: dict[str, Arrays], backbone: str, difference: str) -> WeightsError:
    found = Counter(_shapes(arrays) for arrays in layers.values())
    for name, layout in all_layouts().items():
        if name != backbone and found == Counter(needs.shapes for needs in layout):
            return WeightsError(f"holds weights of {name}, not of {backbone}: {difference}")
    return WeightsError(f"does not hold weights of {backbone}: {difference}")
