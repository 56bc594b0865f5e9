"""Files of weights: read if they fit completely, otherwise refused in one sentence."""

import random
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from stored_weights import DENSE, WRITERS, random_arrays, write_archive, write_legacy, write_numbered

from trainer.backbones.names import FACTS
from trainer.weights import formats as weights_formats
from trainer.weights.file import WeightsError, check_weights, read_weights
from trainer.weights.imagenet import checkpoint_path
from trainer.weights.layout import weights_layout
from trainer.weights.torch_checkpoint import read_checkpoint

PROJECT = Path(__file__).resolve().parent.parent.parent.parent
TINY = weights_layout("TinyConv")
ARRAYS = random_arrays(TINY)


def assert_same(found, expected):
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one, other)


def refusal(path, backbone):
    """The message with which both the check and the reader refuse a file."""
    sentences = set()
    for function in (check_weights, read_weights):
        with pytest.raises(WeightsError) as caught:
            function(path, backbone)
        sentences.add(str(caught.value))
    (sentence,) = sentences
    assert "\n" not in sentence
    return sentence


@pytest.fixture(params=WRITERS)
def stored(request, tmp_path):
    """Write weights in each of the layouts of Keras; returns the path."""

    def write(layout, arrays=None):
        path = tmp_path / request.param
        WRITERS[request.param](path, layout, arrays)
        return path

    return write


# What fits.


@pytest.mark.parametrize("name", ["TinyConv", "EfficientNetLite1", "EfficientNetB0"])
def test_every_array_is_read_in_the_order_of_the_network(stored, name):
    layout = weights_layout(name)
    arrays = random_arrays(layout)
    assert_same(read_weights(stored(layout, arrays), name), arrays)


def test_the_largest_network_is_checked(stored):
    check_weights(stored(weights_layout("EfficientNetB7")), "EfficientNetB7")


@pytest.mark.parametrize("names", ["as in this package", "of others"])
def test_a_head_is_left_out(stored, names):
    layout = [*TINY, DENSE] if names == "as in this package" else [*_renamed(TINY), DENSE]
    assert_same(read_weights(stored(layout, [*ARRAYS, *random_arrays([DENSE])]), "TinyConv"), ARRAYS)


def _renamed(layout):
    return [(f"layer_{number}", kind, shapes) for number, (_, kind, shapes) in enumerate(layout)]


def test_layers_are_found_by_name_in_any_order(tmp_path):
    write_legacy(tmp_path / "w.h5", TINY[::-1], ARRAYS[::-1])
    assert_same(read_weights(tmp_path / "w.h5", "TinyConv"), ARRAYS)


def test_the_layer_that_keras_numbers_is_found(tmp_path):
    layout = weights_layout("EfficientNetB0")
    arrays = random_arrays(layout)
    assert layout[0].name == "normalization"
    reversed_layout = [
        layer._replace(name="normalization_7") if i == 0 else layer for i, layer in enumerate(layout)
    ]
    write_legacy(tmp_path / "w.h5", reversed_layout[::-1], arrays[::-1])
    assert_same(read_weights(tmp_path / "w.h5", "EfficientNetB0"), arrays)


def test_a_whole_model_of_keras_2(tmp_path):
    write_legacy(tmp_path / "inner.h5", TINY, ARRAYS)
    with h5py.File(tmp_path / "inner.h5") as inner, h5py.File(tmp_path / "w.h5", "w") as outer:
        inner.copy("/", outer, "model_weights")
        outer.attrs["model_config"] = "{}"
    assert_same(read_weights(tmp_path / "w.h5", "TinyConv"), ARRAYS)


def test_the_names_of_many_layers_may_be_cut_in_pieces(tmp_path):
    write_legacy(tmp_path / "w.h5", TINY, ARRAYS)
    with h5py.File(tmp_path / "w.h5", "a") as file:
        names = file.attrs.pop("layer_names")
        file.attrs["layer_names0"], file.attrs["layer_names1"] = names[:5], names[5:]
    assert_same(read_weights(tmp_path / "w.h5", "TinyConv"), ARRAYS)


def test_a_backbone_is_found_in_a_classifier(tmp_path):
    path = tmp_path / "w.weights.h5"
    write_numbered(path, TINY, ARRAYS, inside="layers/functional/layers")
    with h5py.File(path, "a") as file:
        file["layers/dense/vars/0"], file["layers/dense/vars/1"] = np.ones((64, 1)), np.ones(1)
        file["layers/dropout/seed_generator/vars/0"] = np.zeros(2, "uint32")
        for number in range(30):
            file[f"optimizer/vars/{number}"] = np.ones(3)
    assert_same(read_weights(path, "TinyConv"), ARRAYS)


def test_the_layout_of_tensorflow_2_13(tmp_path):
    write_numbered(tmp_path / "w.weights.h5", TINY, ARRAYS, inside="_layer_checkpoint_dependencies")
    assert_same(read_weights(tmp_path / "w.weights.h5", "TinyConv"), ARRAYS)


def test_a_torch_file(tmp_path):
    path = checkpoint_path(FACTS["EfficientNetLite0"])
    state, arrays = read_checkpoint(path), read_weights(path, "EfficientNetLite0")
    np.testing.assert_array_equal(arrays[0][0], state["_conv_stem.weight"].transpose(2, 3, 1, 0))
    names = [needs.name for needs in weights_layout("EfficientNetLite0")]
    depthwise = arrays[names.index("block1a_dwconv")][0]
    np.testing.assert_array_equal(depthwise, state["_blocks.0._depthwise_conv.weight"].transpose(2, 3, 0, 1))
    for index, suffix in enumerate(("weight", "bias", "running_mean", "running_var")):
        np.testing.assert_array_equal(arrays[-1][index], state[f"_bn1.{suffix}"])


# What does not.


@pytest.mark.parametrize(
    ("theirs", "ours", "difference"),
    [
        (
            "EfficientNetB3",
            "EfficientNetB7",
            "layer stem_conv has shape (3, 3, 3, 40) where (3, 3, 3, 64) is needed",
        ),
        (
            "EfficientNetB7",
            "EfficientNetB3",
            "layer stem_conv has shape (3, 3, 3, 64) where (3, 3, 3, 40) is needed",
        ),
        ("EfficientNetB1", "EfficientNetB0", ": "),  # the same width, only deeper
        ("EfficientNetB0", "EfficientNetB1", ": "),
        ("EfficientNetLite0", "EfficientNetB0", ": "),
        ("EfficientNetB0", "EfficientNetLite0", ": "),
        (
            "TinyConv",
            "EfficientNetLite2",
            "layer stem_conv has shape (3, 3, 3, 8) where (3, 3, 3, 32) is needed",
        ),
    ],
)
@pytest.mark.parametrize("top", [(), (DENSE,)])
def test_another_network_is_recognised(stored, theirs, ours, difference, top):
    problem = refusal(stored([*weights_layout(theirs), *top]), ours)
    assert problem.startswith(f"holds weights of {theirs}, not of {ours}: ")
    assert difference in problem


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("EfficientNetLite1", "EfficientNetLite0"), ("EfficientNetLite0", "EfficientNetLite2")],
)
def test_another_network_of_torch_is_recognised(theirs, ours):
    path = checkpoint_path(FACTS[theirs])
    assert refusal(path, ours).startswith(f"holds weights of {theirs}, not of {ours}: ")


def test_a_layer_too_few_or_too_many(stored):
    # The last one is missing, whatever the file numbers or names.
    assert (
        refusal(stored(TINY[:-1]), "TinyConv") == "does not hold weights of TinyConv: it has no layer conv4"
    )
    extra = ("conv5", "conv2d", ((1, 1, 64, 64),))
    problem = refusal(stored([*TINY, extra]), "TinyConv")
    assert problem.startswith("does not hold weights of TinyConv: it has 1 more layers, such as conv")


def test_a_layer_of_another_shape(stored):
    layout = [layer._replace(shapes=((1, 1, 32, 64),)) if layer.name == "conv4" else layer for layer in TINY]
    assert refusal(stored(layout), "TinyConv") == (
        "does not hold weights of TinyConv: layer conv4 has shape (1, 1, 32, 64) "
        "where (1, 1, 32, 64) + (64,) is needed"
    )


def test_a_shape_that_is_only_declared_is_not_read(stored):
    huge = [
        layer._replace(shapes=((10**6, 10**6, 3, 8),)) if layer.name == "conv1" else layer for layer in TINY
    ]
    assert "has shape (1000000, 1000000, 3, 8)" in refusal(stored(huge), "TinyConv")


@pytest.mark.parametrize("suffix", ["h5", "weights.h5", "keras"])
def test_any_file_that_is_cut_short_is_refused(tmp_path, suffix):
    whole, path = tmp_path / f"whole.{suffix}", tmp_path / f"w.{suffix}"
    WRITERS[f"w.{suffix}"](whole, TINY, ARRAYS)
    content = whole.read_bytes()
    for share in np.linspace(0.01, 0.999, 25):
        path.write_bytes(content[: int(len(content) * share)])
        assert refusal(path, "TinyConv").startswith("is cut short or damaged: ")


def test_a_torch_file_that_is_cut_short_is_refused(tmp_path):
    content = checkpoint_path(FACTS["EfficientNetLite0"]).read_bytes()
    for share in (0.001, 0.5, 0.999):
        (tmp_path / "w.pth").write_bytes(content[: int(len(content) * share)])
        assert refusal(tmp_path / "w.pth", "EfficientNetLite0").startswith(
            "is not a readable legacy PyTorch checkpoint"
        )


def test_a_damaged_archive_is_refused_by_its_checksum(tmp_path):
    write_archive(tmp_path / "w.keras", TINY, ARRAYS)
    content = bytearray((tmp_path / "w.keras").read_bytes())
    content[len(content) // 2] ^= 1  # one bit of one weight
    (tmp_path / "w.keras").write_bytes(content)
    assert "Bad CRC-32" in refusal(tmp_path / "w.keras", "TinyConv")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite(stored, value):
    arrays = random_arrays(TINY)
    arrays[3][1][5] = value
    assert refusal(stored(TINY, arrays), "TinyConv") == "holds values that are not finite, first in layer bn2"


def test_a_negative_variance(stored):
    arrays = random_arrays(TINY)
    arrays[1][2][0] = -1  # a mean may be
    check_weights(stored(TINY, arrays), "TinyConv")
    arrays[1][3][0] = -1
    assert refusal(stored(TINY, arrays), "TinyConv") == "holds negative variances, first in layer bn1"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("w.h5", b"", "should be a .h5, .weights.h5 or .keras file, but its content is neither"),
        ("w.h5", b"<!DOCTYPE html>", "its content is neither"),
        ("w.keras", b"\x89HDF\r\n\x1a\n", "but its content is that of a .h5 file"),
        ("w.txt", b"\x89HDF\r\n\x1a\n", "but its content is that of a .h5 file"),
        ("w.h5", b"PK\x03\x04", "but its content is that of a .keras file"),
        ("w.h5", b"\x89HDF\r\n\x1a\n", "is cut short or damaged"),
        ("w.keras", b"PK\x03\x04", "is cut short or damaged"),
        ("w.pth", b"x", "is not a readable legacy PyTorch checkpoint"),
        ("w.pth", b"PK\x03\x04", "_use_new_zipfile_serialization=False"),
    ],
)
def test_other_content(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    assert message in refusal(tmp_path / name, "EfficientNetLite0")


@pytest.mark.parametrize("backbone", ["EfficientNetB0", "TinyConv"])
def test_only_lite_takes_torch_files(backbone):
    path = checkpoint_path(FACTS["EfficientNetLite0"])
    assert refusal(path, backbone) == f"is a .pth file, which only EfficientNetLite accepts, not {backbone}"


def test_a_file_that_cannot_be_read(tmp_path):
    assert refusal(tmp_path / "w.h5", "TinyConv") == "cannot be read: No such file or directory"


def test_hdf5_of_another_kind(tmp_path):
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["cube"] = np.zeros((4, 4, 3))
        file["table/column"] = np.zeros(4)
    assert refusal(tmp_path / "w.h5", "TinyConv") == "holds no weights of a network"


def test_an_archive_of_another_kind(tmp_path):
    write_archive(tmp_path / "w.keras", TINY, member="data.pkl")
    assert "holds no model.weights.h5" in refusal(tmp_path / "w.keras", "TinyConv")


def test_an_archive_that_would_fill_the_memory(tmp_path, monkeypatch):
    write_archive(tmp_path / "w.keras", TINY)
    monkeypatch.setattr(weights_formats, "_MAX_MEMBER", 1000)
    assert refusal(tmp_path / "w.keras", "TinyConv") == "holds more than 1,000 bytes of weights"


def test_an_encrypted_archive(tmp_path):
    write_archive(tmp_path / "w.keras", TINY)
    content = bytearray((tmp_path / "w.keras").read_bytes())
    with zipfile.ZipFile(tmp_path / "w.keras") as archive:
        entry = archive.start_dir
    for _ in range(2):  # the flag stands in the directory, for each member
        content[content.index(b"PK\x01\x02", entry) + 8] |= 1
        entry = content.index(b"PK\x01\x02", entry) + 4
    (tmp_path / "w.keras").write_bytes(content)
    assert "encrypted" in refusal(tmp_path / "w.keras", "TinyConv")


def test_a_classifier_of_keras_2_is_told_what_to_do(tmp_path):
    inner = ("tinyconv", "functional", tuple(shape for layer in TINY for shape in layer.shapes))
    write_legacy(tmp_path / "w.h5", [inner, DENSE])
    assert refusal(tmp_path / "w.h5", "TinyConv") == (
        "holds a classifier, whose layer tinyconv is a whole network: save that layer alone, with "
        'model.get_layer("tinyconv").save_weights("backbone.weights.h5")'
    )


def _link_to_a_file(file, layer):
    del file[layer]
    file[layer] = h5py.ExternalLink("other.h5", "/")


def _link_within(file, layer):
    del file[layer]
    file[layer] = h5py.SoftLink("/layers/batch_normalization")


def _values_elsewhere(file, layer):
    del file[f"{layer}/vars/0"]
    shape, elsewhere = (3, 3, 3, 8), [("other.bin", 0, 864)]
    file[f"{layer}/vars"].create_dataset("0", shape, "float32", external=elsewhere)


def _values_of_another_file(file, layer):
    del file[f"{layer}/vars/0"]
    virtual = h5py.VirtualLayout((3, 3, 3, 8), "float32")
    virtual[:] = h5py.VirtualSource("other.h5", "x", (3, 3, 3, 8))
    file[f"{layer}/vars"].create_virtual_dataset("0", virtual)


def _text(file, layer):
    del file[f"{layer}/vars/0"]
    file[f"{layer}/vars/0"] = "text"


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_link_to_a_file, "holds a link, 'conv2d', in place of weights"),
        (_link_within, "holds a link, 'conv2d', in place of weights"),
        (_values_elsewhere, "from another file"),
        (_values_of_another_file, "from another file"),
        (_text, "holds no plain numbers in /layers/conv2d/vars/0"),
    ],
)
def test_a_file_must_hold_its_weights_itself(tmp_path, spoil, message):
    path = tmp_path / "w.weights.h5"
    write_numbered(path, TINY, ARRAYS)
    with h5py.File(path, "a") as file:
        spoil(file, "layers/conv2d")
    assert message in refusal(path, "TinyConv")


def test_a_group_that_holds_itself(tmp_path):
    path = tmp_path / "w.weights.h5"
    write_numbered(path, TINY, ARRAYS)
    with h5py.File(path, "a") as file:
        file["layers/round"] = file["layers"]
    assert_same(read_weights(path, "TinyConv"), ARRAYS)


def test_random_damage_of_an_archive_is_told_or_harmless(tmp_path):
    """Bare HDF5 is damaged in test_weights_check.py, where it may crash the process that reads it."""
    path, chance = tmp_path / "w.keras", random.Random(0)
    write_archive(path, TINY, ARRAYS)
    whole = path.read_bytes()
    for _ in range(100):
        content = bytearray(whole)
        for _ in range(chance.randrange(1, 20)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        path.write_bytes(content)
        try:
            assert_same(read_weights(path, "TinyConv"), ARRAYS)
        except WeightsError as error:
            assert "\n" not in str(error)


def test_neither_tensorflow_nor_keras_is_loaded(tmp_path):
    write_numbered(tmp_path / "w.weights.h5", TINY, ARRAYS)
    code = (
        "import sys, pathlib; from trainer.weights.file import check_weights; "
        f"check_weights(pathlib.Path({str(tmp_path / 'w.weights.h5')!r}), 'TinyConv'); "
        "assert 'h5py' in sys.modules; assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=True)
