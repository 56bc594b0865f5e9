"""Take the network out of a SavedModel, and put another in its place.

A published model holds the network as one function of its graph, from pictures to numbers, which every
signature calls (`trainer.signatures.export_model`). Everything else is in the graph around it: the Lupton
picture, the check for empty stamps, the limits of the classes, the reference of the novelty.
"""

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.core.framework.function_pb2 import FunctionDef
from tensorflow.core.framework.graph_pb2 import GraphDef
from tensorflow.core.framework.node_def_pb2 import NodeDef
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from catalog.errors import CatalogError
from evaluation.formats.exported_model import SAVED_MODEL

Network = Callable[[NDArray[np.float32]], Sequence[NDArray[np.float32]]]
"""Takes pictures (N, size, size, 3), 0 to 255, and returns the outputs of the network, each (N, ...)."""

INPUT, OUTPUT = "pictures", "output_{}"
"""Names of the input and of the outputs in the graph of `network_graph`."""

_NETWORK = re.compile(r"__inference_network_\d+")
_CALLED = ("f", "body", "cond", "then_branch", "else_branch")  # attributes of calls, loops, conditions
_NUMBERS = itertools.count()
_CALL = "StatefulPartitionedCall"


def network_graph(path: str, signature: str) -> tuple[GraphDef, tuple[int, ...]]:
    """Return the network of a published model alone, with its weights as constants.

    Parameters
    ----------
    path : str
        Folder of the version.
    signature : str
        One that calls the network.

    Returns
    -------
    graph : GraphDef
        From `INPUT`, float32, to `OUTPUT`, numbered from 0.
    shape : tuple of int
        Shape of a picture.

    Raises
    ------
    CatalogError
        If the network is not a function of its own.
    """
    graph, call, _ = _signature(path, signature)
    functions = {function.signature.name: function for function in graph.library.function}
    model = tf.saved_model.load(path)
    captured = [None, *model.signatures[signature].captured_inputs]
    found = _inputs_of_network(functions, call.attr["f"].func.name, captured)
    if found is None:
        raise _no_network(path)
    name, handles = found
    function = _with_constants(functions[name], handles, path)
    shape = _shape(function)
    frozen = GraphDef(versions=graph.versions)
    frozen.library.function.extend([function, *_reached(functions, function.node_def)])
    pictures = frozen.node.add(op="Placeholder", name=INPUT)
    pictures.attr["dtype"].type = tf.float32.as_datatype_enum
    pictures.attr["shape"].shape.CopyFrom(tf.TensorShape([None, *shape]).as_proto())
    outputs = [argument.type for argument in function.signature.output_arg]
    caller = frozen.node.add(op=_CALL, name="network", input=[INPUT])
    caller.attr["Tin"].list.type.append(tf.float32.as_datatype_enum)
    caller.attr["Tout"].list.type.extend(outputs)
    caller.attr["f"].func.name = name
    for number, kind in enumerate(outputs):
        node = frozen.node.add(op="Identity", name=OUTPUT.format(number), input=[f"network:{number}"])
        node.attr["T"].type = kind
    return frozen, shape


def with_network(
    path: str, signature: str, network: Network
) -> Callable[[NDArray[np.float32]], dict[str, Any]]:
    """Return a signature of a published model with another network in place of its own.

    Parameters
    ----------
    path : str
        Folder of the version. Its weights are not read.
    signature : str
        Name of a signature that takes ``flux``.
    network : Network

    Returns
    -------
    callable
        Takes flux, float32, shape (N, H, W, 3), and returns the outputs of the signature as arrays. It raises
        what TensorFlow raises.

    Raises
    ------
    CatalogError
        If there is no such signature, or the network is not a function of its own.
    """
    graph, call, tensors = _signature(path, signature)
    functions = {function.signature.name: function for function in graph.library.function}
    found = _inputs_of_network(functions, call.attr["f"].func.name, [None] * len(call.input))
    if found is None:
        raise _no_network(path)
    functions[found[0]], traced = _stand_in(functions[found[0]], network)
    cut = GraphDef(versions=graph.versions)
    cut.node.extend(_needed(graph, call.name))
    cut.library.function.extend(_reached(functions, cut.node))
    _rename_functions(cut, f"_{next(_NUMBERS)}")
    whole = tf.compat.v1.wrap_function(lambda: tf.graph_util.import_graph_def(cut, name=""), [])
    flux, outputs = tensors
    by_name = whole.graph.get_tensor_by_name
    compute = whole.prune([by_name(flux)], {output: by_name(tensor) for output, tensor in outputs.items()})
    # TensorFlow forgets a Python function when the graph that was made to call it is gone.
    compute.stand_in = traced
    return lambda batch: {output: value.numpy() for output, value in compute(tf.constant(batch)).items()}


def _signature(path: str, name: str) -> tuple[GraphDef, NodeDef, tuple[str, dict[str, str]]]:
    """Return the graph of a SavedModel, the call of a signature, and the names of its tensors."""
    saved = SavedModel()
    try:
        saved.ParseFromString(Path(path, SAVED_MODEL).read_bytes())
        meta = saved.meta_graphs[0]
    except OSError as error:
        raise CatalogError(f"{error.filename} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # protobuf raises a class of its own for damage
        raise CatalogError(f"{path}/{SAVED_MODEL} is damaged: {error}") from error
    if name not in meta.signature_def:
        raise CatalogError(f"{path} has no signature {name}; was it published by galmorph?")
    signature = meta.signature_def[name]
    outputs = {output: signature.outputs[output].name for output in signature.outputs}
    caller = next(iter(outputs.values())).split(":")[0]
    call = next(node for node in meta.graph_def.node if node.name == caller)
    return meta.graph_def, call, (signature.inputs["flux"].name, outputs)


def _no_network(path: str) -> CatalogError:
    return CatalogError(
        f"{path} was published before its network was a function of its own, and works with --backend"
        " tensorflow only"
    )


def _inputs_of_network(
    functions: Mapping[str, FunctionDef], name: str, arguments: Sequence[Any]
) -> tuple[str, list[Any]] | None:
    """Follow the arguments of a function through calls and loops.

    Returns
    -------
    (str, list) or None
        Name of the function that is the network, and which of `arguments` it gets as its own, in order; None
        for what is computed. None if it is not called.
    """
    function = functions[name]
    known = dict(zip((argument.name for argument in function.signature.input_arg), arguments, strict=True))
    for node in function.node_def:
        inputs = [known.get(source) for source in node.input if not source.startswith("^")]
        for called in _called(node):
            if called not in functions:
                continue
            if _NETWORK.fullmatch(called):
                return called, inputs
            count = len(functions[called].signature.input_arg)
            # A condition is called with all inputs but the first, which chooses the branch.
            if found := _inputs_of_network(functions, called, inputs[len(inputs) - count :]):
                return found
    return None


def _with_constants(function: FunctionDef, handles: Sequence[Any], path: str) -> FunctionDef:
    """Return a function whose variables are constants, each stored once, and whose only input is pictures."""
    result = FunctionDef()
    result.CopyFrom(function)
    variables = dict(zip((argument.name for argument in function.signature.input_arg), handles, strict=True))
    pictures = function.signature.input_arg[0].name
    constants: dict[str, str] = {}  # name of the constant for each variable
    replaced: dict[
        str, str
    ] = {}  # the same for each node that read a variable, and each input that is a value
    nodes = []
    for argument in function.signature.input_arg[1:]:
        value = variables[argument.name]
        if value is not None and argument.type != tf.resource.as_datatype_enum:
            # Values such as the mean of ImageNet's pictures, with which EfficientNetB0 to B7 begin.
            replaced[argument.name] = f"{argument.name}_constant"
            nodes.append(_constant(NodeDef(name=replaced[argument.name]), value.numpy()))
    for node in result.node_def:
        source = node.input[0] if node.input else ""
        # A view of the picture reads the same variables again.
        if node.op == "ReadVariableOp" and variables.get(source) is not None:
            replaced[node.name] = constants.setdefault(source, node.name)
            if replaced[node.name] != node.name:
                continue
            kind = tf.dtypes.as_dtype(node.attr["dtype"].type)
            _constant(node, tf.raw_ops.ReadVariableOp(resource=variables[source], dtype=kind).numpy())
        nodes.append(node)
    for node in nodes:
        inputs = [_renamed(source, replaced) for source in node.input if not source.startswith("^")]
        if used := [source for source in inputs if source in variables and source != pictures]:
            raise CatalogError(f"{path}: {node.op} of the network uses {used[0]}, and not only reads it")
        del node.input[:]
        node.input.extend(inputs)
    del result.node_def[:]
    result.node_def.extend(nodes)
    result.control_ret.clear()
    del result.signature.control_output[:]
    del result.signature.input_arg[1:]
    for place in [place for place in result.arg_attr if place]:
        del result.arg_attr[place]
    result.resource_arg_unique_id.clear()
    return result


def _constant(node: NodeDef, value: NDArray[Any]) -> NodeDef:
    """Make a node a constant, and return it."""
    node.op = "Const"
    del node.input[:]
    node.attr.clear()
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
    node.attr["dtype"].type = node.attr["value"].tensor.dtype
    return node


def _renamed(source: str, replaced: Mapping[str, str]) -> str:
    """Return an input, node:output:number or argument, with the constant that took its place."""
    node = source.split(":")[0]
    return f"{replaced[node]}:output:0" if node in replaced else source


def _shape(function: FunctionDef) -> tuple[int, ...]:
    """Return the shape of a picture, from what the function says of its first input."""
    shape = tf.TensorShape(function.arg_attr[0].attr["_output_shapes"].list.shape[0])
    return tuple(shape[1:].as_list())


def _stand_in(function: FunctionDef, network: Network) -> tuple[FunctionDef, Any]:
    """Return a function with the inputs and outputs of another, which calls Python, and what keeps it."""
    kinds = [tf.dtypes.as_dtype(argument.type) for argument in function.signature.output_arg]

    @tf.function(input_signature=[tf.TensorSpec([None, *_shape(function)], tf.float32)], autograph=False)
    def outer(pictures: tf.Tensor) -> Any:
        return inner(pictures)

    @tf.function(autograph=False)
    def inner(pictures: tf.Tensor) -> Any:
        return tf.numpy_function(lambda values: [*network(values)], [pictures], kinds)

    traced = outer.get_concrete_function()
    result = FunctionDef()
    result.CopyFrom(traced.graph.as_graph_def().library.function[0])
    result.signature.name = function.signature.name
    result.signature.input_arg.extend(function.signature.input_arg[1:])
    return result, traced


def _rename_functions(graph: GraphDef, suffix: str) -> None:
    """Give the functions of a graph names of their own: TensorFlow keeps them for the life of the process."""
    names = {function.signature.name for function in graph.library.function}
    for function in graph.library.function:
        function.signature.name += suffix
    for node in itertools.chain(graph.node, *(function.node_def for function in graph.library.function)):
        for attribute in node.attr.values():
            for called in (attribute.func, *attribute.list.func):
                if called.name in names:
                    called.name += suffix


def _called(node: NodeDef) -> Iterator[str]:
    for attribute in _CALLED:
        if attribute in node.attr and node.attr[attribute].func.name:
            yield node.attr[attribute].func.name
    if "branches" in node.attr:
        yield from (branch.name for branch in node.attr["branches"].list.func)


def _needed(graph: GraphDef, name: str) -> list[NodeDef]:
    """Return the nodes that a node depends on, and itself."""
    nodes = {node.name: node for node in graph.node}
    waiting, found = [name], set()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [source.lstrip("^").split(":")[0] for source in nodes[name].input]
    return [node for node in graph.node if node.name in found]


def _reached(functions: Mapping[str, FunctionDef], nodes: Sequence[NodeDef]) -> list[FunctionDef]:
    """Return the functions that nodes call, and those that these call."""
    waiting = [name for node in nodes for name in _called(node)]
    found: dict[str, FunctionDef] = {}
    while waiting:
        name = waiting.pop()
        if name in functions and name not in found:
            found[name] = functions[name]
            waiting += [called for node in functions[name].node_def for called in _called(node)]
    return list(found.values())
