"""Files of weights in the layouts that Keras writes, made with h5py alone: quick even for EfficientNetB7."""

import io
import zipfile

import h5py
import numpy as np

DENSE = ("predictions", "dense", ((1280, 1000), (1000,)))


def random_arrays(layout, seed=0):
    """Values for every layer; all positive, since some are variances."""
    rng = np.random.default_rng(seed)
    return [[rng.random(shape, "float32") for shape in shapes] for _, _, shapes in layout]


def _write(group, name, shape, values):
    if values is None:  # declared and never written: HDF5 reads zeros, and the file stays small
        group.create_dataset(name, shape, "float32")
    else:
        group[name] = values


def write_legacy(target, layout, arrays=None):
    """As ``keras.applications`` publishes weights."""
    with h5py.File(target, "w") as file:
        file.attrs["layer_names"] = [b"input_1", *(name.encode() for name, _, _ in layout)]
        file.create_group("input_1").attrs["weight_names"] = []
        for number, (name, _, shapes) in enumerate(layout):
            group = file.create_group(name)
            weights = [f"{name}/weight{index}:0" for index in range(len(shapes))]
            group.attrs["weight_names"] = [weight.encode() for weight in weights]
            for index, weight in enumerate(weights):
                _write(group, weight, shapes[index], arrays and arrays[number][index])


def write_numbered(target, layout, arrays=None, inside="layers"):
    """As Keras 3 writes ``.weights.h5``."""
    seen = {}
    with h5py.File(target, "w") as file:
        file.create_group(f"{inside}/input_layer/vars")
        for number, (_, kind, shapes) in enumerate(layout):
            seen[kind] = seen.get(kind, -1) + 1
            group = file.create_group(f"{inside}/{kind}_{seen[kind]}/vars".replace("_0/", "/"))
            for index, shape in enumerate(shapes):
                _write(group, str(index), shape, arrays and arrays[number][index])


def write_archive(target, layout, arrays=None, member="model.weights.h5"):
    """As Keras 3 writes ``.keras``."""
    stream = io.BytesIO()
    write_numbered(stream, layout, arrays)
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("config.json", "{}")
        archive.writestr(member, stream.getvalue())


WRITERS = {"w.h5": write_legacy, "w.weights.h5": write_numbered, "w.keras": write_archive}
