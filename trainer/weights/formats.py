"""Find the networks in files of weights of all supported formats. Does not import TensorFlow or Keras.

- ``.h5`` of Keras 2, as ``keras.applications`` publishes them: a group for each layer, under its name;
- ``.weights.h5`` of Keras 3: ``layers/conv2d_7/vars/0``, a number within each class of layers;
- ``.keras``: a ZIP archive with such a file;
- ``.pth``: a state dict of PyTorch, for EfficientNet-Lite.

The first two formats are distinguished by the content of the HDF5 file, not by its name.
"""

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from trainer.weights.torch_checkpoint import read_checkpoint

_HDF5_MAGIC, _ZIP_MAGIC = b"\x89HDF\r\n\x1a\n", b"PK\x03\x04"
_MEMBER = "model.weights.h5"
_MAX_MEMBER = 2**32  # bytes; B7 with the state of its optimizer has 0.8 GB
_MAX_DEPTH = 6  # a group of HDF5 may contain itself

Arrays = list[Any]
"""Arrays of one layer: NumPy arrays, or data sets of HDF5 that are not read yet."""


class WeightsError(ValueError):
    """A file cannot be used. The message is a sentence without its subject, which is the file."""


class StoredNetwork(NamedTuple):
    """A network in a file.

    Attributes
    ----------
    layers : dict
        The arrays of each layer that has any.
    numbered : bool
        Whether layers are named by class and number, such as ``conv2d_7``, in no order; otherwise they have
        individual names and are in the order of the network.
    """

    layers: dict[str, Arrays]
    numbered: bool


@contextmanager
def stored_networks(path: Path) -> Iterator[list[StoredNetwork]]:
    """Open a file of weights and find the networks in it.

    Parameters
    ----------
    path : Path
        The suffix determines the expected format.

    Yields
    ------
    list of StoredNetwork
        For a classifier, its backbone is one of them. Data sets of HDF5 can be read until the context ends.

    Raises
    ------
    WeightsError
        If the file cannot be read or has an unknown format.
    Exception
        Any exception, if the file is damaged.
    """
    try:
        with open(path, "rb") as stream:
            head = stream.read(8)
    except OSError as error:
        raise WeightsError(f"cannot be read: {error.strerror}") from error
    if path.suffix == ".pth":
        yield [_torch_network(path, head)]
        return
    suffixes: tuple[str, ...] = (".h5", ".hdf5") if head == _HDF5_MAGIC else ()
    suffixes = (".keras",) if head.startswith(_ZIP_MAGIC) else suffixes
    if path.suffix not in suffixes:
        kind = f"its content is that of a {suffixes[0]} file" if suffixes else "its content is neither"
        raise WeightsError(f"should be a .h5, .weights.h5 or .keras file, but {kind}")
    import h5py  # takes half a second with NumPy, so it is imported only if needed

    # Read the archive as a whole: its checksum is verified only at the end, and HDF5 needs random access.
    source = io.BytesIO(_archived(path)) if path.suffix == ".keras" else path
    with h5py.File(source, "r", locking=False) as file:  # network file systems often lack locks
        if _names(file, "layer_names"):
            yield [_legacy_network(file)]
        elif "model_weights" in file:  # a whole model
            yield [_legacy_network(_member(file, "model_weights"))]
        else:
            yield list(_numbered_networks(file))


def _torch_network(path: Path, head: bytes) -> StoredNetwork:
    if head.startswith(_ZIP_MAGIC):
        raise WeightsError(
            "is in the ZIP format of PyTorch 1.6 and later, which is not supported: write it again with "
            "torch.save(state, path, _use_new_zipfile_serialization=False)"
        )
    try:
        state = read_checkpoint(path)
    except ValueError as error:
        raise WeightsError(f"is {error}") from error
    layers: dict[str, Arrays] = {}
    for name, array in state.items():
        layer, _, suffix = name.rpartition(".")
        if suffix == "num_batches_tracked":  # a counter that inference does not use
            continue
        if array.ndim == 4:  # PyTorch has (out, in, h, w); one channel in, and it is depthwise
            array = array.transpose((2, 3, 0, 1) if array.shape[1] == 1 else (2, 3, 1, 0))
        layers.setdefault(layer, []).append(array)
    return StoredNetwork(layers, numbered=False)


def _archived(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        if _MEMBER not in archive.namelist():
            raise WeightsError(f"holds no {_MEMBER}: it is not a model that Keras 3 saved")
        if archive.getinfo(_MEMBER).file_size > _MAX_MEMBER:
            raise WeightsError(f"holds more than {_MAX_MEMBER:,} bytes of weights")
        return archive.read(_MEMBER)


def _numbered_networks(group: Any, depth: int = 0) -> Iterator[StoredNetwork]:
    """Yield every group of Keras 3 whose members are layers: those of a model and of nested models."""
    here: dict[str, Arrays] = {}
    for name in group:
        member = _member(group, name)
        if name == "vars" or not _is_group(member):
            continue
        if "vars" in member:
            variables = _member(member, "vars")
            numbers = sorted((number for number in variables if number.isdecimal()), key=int)
            if numbers:
                here[name] = [_data_set(variables, number) for number in numbers]
        if depth < _MAX_DEPTH and len(member) > ("vars" in member):
            yield from _numbered_networks(member, depth + 1)
    if here:
        yield StoredNetwork(here, numbered=True)


def _legacy_network(group: Any) -> StoredNetwork:
    layers = {}
    for name in _names(group, "layer_names"):
        layer = _member(group, name)
        arrays = [_data_set(layer, weight) for weight in _names(layer, "weight_names")]
        if len(arrays) > 4:
            raise WeightsError(
                f"holds a classifier, whose layer {name} is a whole network: save that layer alone, with "
                f'model.get_layer("{name}").save_weights("backbone.weights.h5")'
            )
        if arrays:
            layers[name] = arrays
    return StoredNetwork(layers, numbered=False)


def _names(group: Any, attribute: str) -> list[str]:
    """Return a list of names from the attributes of a group; Keras splits long lists for HDF5."""
    pieces = [attribute] if attribute in group.attrs else []
    while f"{attribute}{len(pieces)}" in group.attrs:
        pieces.append(f"{attribute}{len(pieces)}")
    names = chain.from_iterable(group.attrs[piece] for piece in pieces)
    return [name.decode() if isinstance(name, bytes) else str(name) for name in names]


def _is_group(member: Any) -> bool:
    import h5py

    return isinstance(member, h5py.Group)


def _member(group: Any, path: str) -> Any:
    """Return a member of a group. Links, which may lead to another file, are refused."""
    import h5py

    for name in path.split("/"):
        link = group.get(name, getlink=True)
        if isinstance(link, h5py.SoftLink | h5py.ExternalLink):
            raise WeightsError(f"holds a link, {name!r}, in place of weights")
        group = group[name]
    return group


def _data_set(group: Any, path: str) -> Any:
    found = _member(group, path)
    if found.external or found.is_virtual:
        raise WeightsError(f"takes the values of {found.name} from another file")
    if found.dtype.kind not in "fiu":
        raise WeightsError(f"holds no plain numbers in {found.name}")
    return found
