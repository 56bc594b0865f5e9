import io
import os
import pickle
import pickletools
from collections import OrderedDict

import numpy as np
import pytest

from trainer.weights.torch_checkpoint import MAGIC_NUMBER, PROTOCOL_VERSION, read_checkpoint, read_state_dict

SYSTEM = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}


class _Named:
    """Pickles as a bare global, so that files can be made without torch."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class _Call:
    """Pickles as a call of a named function."""

    def __init__(self, module, name, args):
        self.function, self.args = _Named(module, name), args


class _Writer(pickle._Pickler):  # the pure Python one, whose dispatch can be extended
    dispatch = pickle._Pickler.dispatch.copy()

    def persistent_id(self, obj):
        return obj if isinstance(obj, tuple) and obj and obj[0] == "storage" else None

    def save_named(self, obj):
        self.write(pickle.GLOBAL + f"{obj.module}\n{obj.name}\n".encode())

    def save_call(self, obj):
        self.save(obj.function)
        self.save(obj.args)
        self.write(pickle.REDUCE)

    dispatch[_Named] = save_named
    dispatch[_Call] = save_call


def _dump(obj):
    stream = io.BytesIO()
    _Writer(stream, 2).dump(obj)
    return stream.getvalue()


def _tensor(key, count, offset, shape, strides, dtype="FloatStorage"):
    storage = ("storage", _Named("torch", dtype), key, "cpu", count, None)
    return _Call(
        "torch._utils", "_rebuild_tensor_v2", (storage, offset, shape, strides, False, OrderedDict())
    )


def _storage(values):
    return len(values).to_bytes(8, "little") + values.tobytes()


def _file(tensors, keys, *storages, magic=MAGIC_NUMBER, version=PROTOCOL_VERSION, system=SYSTEM):
    return b"".join(map(_dump, (magic, version, system, tensors, keys))) + b"".join(map(_storage, storages))


VALUES = np.arange(6, dtype="<f4")


@pytest.fixture
def plain():
    tensors = OrderedDict(
        a=_tensor("1", 6, 0, (2, 3), (3, 1)),
        a_transposed=_tensor("1", 6, 0, (3, 2), (1, 3)),
        tail=_tensor("1", 6, 4, (2,), (1,)),
        steps=_tensor("2", 1, 0, (), (), "LongStorage"),
    )
    return _file(tensors, ["1", "2"], VALUES, np.array([7], "<i8"))


def test_values_shapes_and_strides(plain, tmp_path):
    (tmp_path / "x.pth").write_bytes(plain)
    state = read_checkpoint(tmp_path / "x.pth")
    assert list(state) == ["a", "a_transposed", "tail", "steps"]
    np.testing.assert_array_equal(state["a"], VALUES.reshape(2, 3))
    np.testing.assert_array_equal(state["a_transposed"], VALUES.reshape(2, 3).T)
    np.testing.assert_array_equal(state["tail"], [4, 5])
    assert state["steps"] == 7 and state["steps"].dtype == np.int64


def test_every_truncation_is_refused(plain):
    for length in range(len(plain)):
        with pytest.raises(ValueError, match="not a readable legacy PyTorch checkpoint"):
            read_state_dict(plain[:length])


def test_flipped_bytes_never_raise_anything_else(plain):
    for position in range(len(plain)):
        for flip in (0xFF, 0x01):
            damaged = bytearray(plain)
            damaged[position] ^= flip
            try:
                state = read_state_dict(bytes(damaged))
            except ValueError as error:
                assert str(error).startswith("not a readable legacy PyTorch checkpoint")
            else:
                assert all(isinstance(array, np.ndarray) for array in state.values())


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"a": _tensor("1", 6, 0, (7,), (1,))}, "larger than its storage"),
        ({"a": _tensor("1", 6, 1, (6,), (1,))}, "reaches element 6"),
        ({"a": _tensor("1", 6, 0, (2, 3), (4, 1))}, "reaches element 6"),
        ({"a": _tensor("1", 6, -1, (2,), (1,))}, "offset, shape or strides"),
        ({"a": _tensor("1", 6, 0, (2,), (-1,))}, "offset, shape or strides"),
        ({"a": _tensor("1", 6, 0, (10**9, 10**9), (0, 0))}, "larger than its storage"),
        ({"a": _tensor("1", 5, 0, (2,), (1,))}, "holds 6 elements where 5 are declared"),
        ({"a": _tensor("3", 6, 0, (2,), (1,))}, "list of storages"),
        ({"a": _tensor("1", 6, 0, (2,), (1,), "HalfStorage")}, "torch.HalfStorage, which is not allowed"),
        ({"a": 3}, "something else than a dictionary of tensors"),
        ([1], "something else than a dictionary of tensors"),
    ],
)
def test_tensors_must_lie_in_their_storage(tensors, message):
    with pytest.raises(ValueError, match=message):
        read_state_dict(_file(tensors, ["1"], VALUES))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"magic": 1}, "magic number"),
        ({"version": 1002}, "protocol is 1002"),
        ({"system": {"little_endian": False}}, "little-endian"),
    ],
)
def test_foreign_headers_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        read_state_dict(_file({"a": _tensor("1", 6, 0, (2,), (1,))}, ["1"], VALUES, **change))


def test_what_follows_the_data_is_refused(plain):
    with pytest.raises(ValueError, match="after its last storage"):
        read_state_dict(plain + b"x")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a zip archive", b"\x89HDF\r\n\x1a\n", b"hello"])
def test_other_formats_are_refused(content):
    with pytest.raises(ValueError, match="not a readable legacy PyTorch checkpoint"):
        read_state_dict(content)


@pytest.mark.parametrize("where", [0, 3])
@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("posix", "system"),
        ("builtins", "eval"),
        ("torch", "load"),
        ("collections", "OrderedDict.fromkeys"),
        ("torch._utils", "_rebuild_tensor_v2.__globals__"),
    ],
)
def test_hostile_pickles_do_nothing(tmp_path, where, module, name):
    trace = tmp_path / "trace"
    argument = f"open({str(trace)!r}, 'w')" if name == "eval" else f"touch {trace}"
    parts = [MAGIC_NUMBER, PROTOCOL_VERSION, SYSTEM, {}, []]
    parts[where] = _Call(module, name, (argument,))
    content = b"".join(map(_dump, parts))
    with pytest.raises(ValueError, match=f"{module}.{name}, which is not allowed"):
        read_state_dict(content)
    assert not trace.exists()


def test_the_hostile_pickle_of_this_test_would_work_elsewhere(tmp_path):
    trace = tmp_path / "trace"
    content = _dump(_Call("posix", "system", (f"touch {trace}",)))
    assert "REDUCE" in [op.name for op, *_ in pickletools.genops(content)]
    pickle.loads(content)
    assert os.path.exists(trace)


def test_a_claimed_memo_takes_no_memory():
    resource = pytest.importorskip("resource")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # LONG_BINPUT with an index of 2**28, which the Unpickler in C would answer with 4 GB.
    content = b"\x80\x02N" + b"r" + (2**28).to_bytes(4, "little") + b"."
    with pytest.raises(ValueError, match="magic number"):
        read_state_dict(content)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB
