"""Read a PyTorch checkpoint of the legacy format safely and without PyTorch.

A pickle is a program. This reader accepts the four names that a state dict of dense CPU tensors needs and
refuses all others, so that a malicious file can at worst fail to load.

The format (``torch.save`` before 1.6, ``torch/serialization.py``, ``_legacy_save``): five pickles in a row
(magic number, protocol version, system information, the state dict, the list of storage keys), then for
every key, in that order, an int64 count and so many raw little-endian elements. In the state dict a tensor
is a call of ``_rebuild_tensor_v2(storage, offset, shape, strides, ...)``, whose storage is a persistent id
``("storage", type, key, location, count, view)``.
"""

import io
import math
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
PROTOCOL_VERSION = 1001

_STORAGES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class _Storage(NamedTuple):
    key: str
    dtype: np.dtype
    size: int


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _rebuild_tensor(
    storage: Any, offset: Any, shape: Any, strides: Any, requires_grad: Any = False, hooks: Any = None
) -> _Tensor:
    """Replace ``torch._utils._rebuild_tensor_v2``; store the location of the elements."""
    numbers = (offset, *shape, *strides)
    if not isinstance(storage, _Storage) or len(shape) != len(strides):
        raise ValueError("a tensor of the checkpoint is malformed")
    if not all(type(number) is int and number >= 0 for number in numbers):
        raise ValueError(f"a tensor of the checkpoint has offset, shape or strides {numbers}")
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


class _RestrictedUnpickler(pickle._Unpickler):
    """Unpickler that accepts only the parts of a state dict of float32 and int64 tensors.

    Based on the unpickler in Python, because the one in C allocates as many memo entries as a file claims:
    nine bytes of a malicious file, with entry 2**25, allocate 0.5 GB, and the number may be larger.
    """

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        raise ValueError(f"the checkpoint uses {module}.{name}, which is not allowed")

    def persistent_load(self, pid: Any) -> _Storage:
        if not (isinstance(pid, tuple) and len(pid) == 6 and pid[0] == "storage" and pid[5] is None):
            raise ValueError(f"the checkpoint has a persistent id that is not a plain storage: {pid!r:.80}")
        _, dtype, key, _, count, _ = pid
        if not (isinstance(dtype, np.dtype) and isinstance(key, str) and type(count) is int and count >= 0):
            raise ValueError(f"the checkpoint holds a malformed storage: {pid!r:.80}")
        return _Storage(key, dtype, count)


def _view(tensor: _Tensor, storages: dict[str, np.ndarray], name: str) -> np.ndarray:
    """Return a copy of a tensor's elements, after checking that all lie inside its storage."""
    elements = storages[tensor.storage.key]
    if math.prod(tensor.shape) > elements.size:  # with strides of 0 a small storage could give a huge array
        raise ValueError(f"{name} of shape {tensor.shape} is larger than its storage of {elements.size}")
    last = tensor.offset + sum((n - 1) * step for n, step in zip(tensor.shape, tensor.strides, strict=True))
    if math.prod(tensor.shape) and last >= elements.size:
        raise ValueError(f"{name} reaches element {last} of a storage of {elements.size}")
    strides = tuple(step * elements.itemsize for step in tensor.strides)
    start = elements[tensor.offset :] if math.prod(tensor.shape) else elements[:0]
    return np.lib.stride_tricks.as_strided(start, tensor.shape, strides, writeable=False).copy()


def _read_storages(stream: io.BytesIO, keys: Any, wanted: dict[str, _Storage]) -> dict[str, np.ndarray]:
    """Read the raw elements that follow the pickles."""
    if not isinstance(keys, list) or sorted(map(str, keys)) != sorted(wanted):
        raise ValueError("the checkpoint's list of storages differs from what its tensors refer to")
    storages = {}
    for key in keys:
        storage = wanted[key]
        header = stream.read(8)
        if len(header) != 8:
            raise ValueError("the checkpoint is cut short")
        count = int.from_bytes(header, "little", signed=True)
        if count != storage.size:
            raise ValueError(f"storage {key} holds {count} elements where {storage.size} are declared")
        data = stream.read(count * storage.dtype.itemsize)
        if len(data) != count * storage.dtype.itemsize:
            raise ValueError("the checkpoint is cut short")
        storages[key] = np.frombuffer(data, storage.dtype)
    if stream.read(1):
        raise ValueError("the checkpoint has data after its last storage")
    return storages


def read_state_dict(content: bytes) -> dict[str, np.ndarray]:
    """Return the arrays of a legacy PyTorch checkpoint.

    Parameters
    ----------
    content : bytes
        The whole file.

    Returns
    -------
    dict of str to ndarray
        Every tensor by its name, in the file's order; float32 or int64.

    Raises
    ------
    ValueError
        If the content is not such a checkpoint, is damaged, or uses a name that is not allowed.
    """
    stream = io.BytesIO(content)
    try:
        if _RestrictedUnpickler(stream).load() != MAGIC_NUMBER:
            raise ValueError("it does not begin with the magic number")
        if (version := _RestrictedUnpickler(stream).load()) != PROTOCOL_VERSION:
            raise ValueError(f"its protocol is {version!r:.40}, not {PROTOCOL_VERSION}")
        system = _RestrictedUnpickler(stream).load()
        if not isinstance(system, dict) or system.get("little_endian") is not True:
            raise ValueError("its data are not declared little-endian")
        tensors = _RestrictedUnpickler(stream).load()
        keys = _RestrictedUnpickler(stream).load()
        if not isinstance(tensors, dict) or not all(isinstance(value, _Tensor) for value in tensors.values()):
            raise ValueError("it holds something else than a dictionary of tensors")
        wanted = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
        if any(wanted[tensor.storage.key] != tensor.storage for tensor in tensors.values()):
            raise ValueError("two tensors describe their shared storage differently")
        storages = _read_storages(stream, keys, wanted)
        return {str(name): _view(tensor, storages, str(name)) for name, tensor in tensors.items()}
    except ValueError as error:
        raise ValueError(f"not a readable legacy PyTorch checkpoint: {error}") from error
    # Damaged pickles raise almost any exception; all of them must be reported as bad input.
    except Exception as error:
        raise ValueError(
            f"not a readable legacy PyTorch checkpoint: {type(error).__name__}: {error}"
        ) from error


def read_checkpoint(path: str | Path) -> dict[str, np.ndarray]:
    """Return the arrays of the checkpoint at `path`; see `read_state_dict`."""
    return read_state_dict(Path(path).read_bytes())
