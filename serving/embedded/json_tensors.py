"""Requests and answers of TF Serving's REST interface as arrays."""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import orjson
import tensorflow as tf

from serving.embedded.errors import invalid
from serving.embedded.signature import Arrays, Signature, TensorKind

_BASE64_OF_FITS = "U0lNUExF"  # of "SIMPLE"
_BLANKS = re.compile(r"[ \t\r\n]")
_DEEPEST = 32  # axes that NumPy can hold


def parse(body: bytes) -> dict[str, Any]:
    """Return the object in the body of a request; ``NaN``, ``Infinity`` and ``-Infinity`` are numbers."""
    try:
        document = _loads(body)
    except UnicodeDecodeError as error:
        raise invalid(f"JSON Parse error: the body is not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        hint = "; base64 must not be wrapped (base64 -w 0)" if "control character" in error.msg else ""
        raise invalid(f"JSON Parse error: {error.msg} at offset: {error.pos}{hint}") from None
    except (ValueError, RecursionError) as error:
        cause = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise invalid(f"JSON Parse error: {cause}") from None
    if not isinstance(document, dict):
        raise invalid(
            f'the body is a JSON {_kind(document)}; expected {{"instances": ...}} or {{"inputs": ...}}'
        )
    return document


def _loads(body: bytes) -> Any:
    # orjson reads numbers ten times as fast, but refuses NaN; json also has the errors that name a place.
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return json.loads(body)


def signature_name(document: Mapping[str, Any]) -> str:
    """Return the signature that a request names; empty if it names none."""
    name = document.get("signature_name", "")
    if not isinstance(name, str):
        raise invalid(f"'signature_name' is a JSON {_kind(name)}; expected a string")
    return name


def request_arrays(document: Mapping[str, Any], signature: Signature) -> tuple[dict[str, np.ndarray], bool]:
    """Return the inputs of a request.

    Parameters
    ----------
    document : mapping
    signature : Signature

    Returns
    -------
    arrays : dict of numpy.ndarray
    by_row : bool
        True for ``instances``, False for ``inputs``.

    Raises
    ------
    ServingError
        If the request has neither or both, or a value is not of the input's type. The message names the
        place of the value.
    """
    rows, columns = "instances" in document, "inputs" in document
    if rows == columns:
        which = "both 'inputs' and" if rows else "neither 'inputs' nor"
        raise invalid(f"the request has {which} 'instances'; expected one of them")
    name, value = ("instances", document["instances"]) if rows else ("inputs", document["inputs"])
    named = _from_rows(value, signature) if rows else _from_columns(value, signature)
    return {key: _array(values, signature.inputs[key], name) for key, values in named.items()}, rows


def answer_text(answers: Arrays, by_row: bool) -> str:
    """Return the body of the answer. NaN is written as ``NaN``, as TF Serving does."""
    columns = {name: _plain(name, answer) for name, answer in answers.items()}
    if not by_row:
        only = next(iter(columns.values()))
        return json.dumps({"outputs": columns if len(columns) > 1 else only}, indent=1)
    if len(columns) == 1:
        return json.dumps({"predictions": next(iter(columns.values()))}, indent=1)
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return json.dumps({"predictions": rows}, indent=1)


def _from_rows(instances: Any, signature: Signature) -> dict[str, list]:
    if not isinstance(instances, list):
        raise invalid(
            f"'instances' is a JSON {_kind(instances)}; expected a list with one element per object"
        )
    if not instances:
        raise invalid("'instances' is empty; expected at least one object")
    names = list(signature.inputs)
    if _is_named(instances[0]):
        for place, instance in enumerate(instances):
            if not _is_named(instance):
                raise invalid(f"instances[{place}] is a JSON {_kind(instance)}, but instances[0] an object")
            signature.check_names(set(instance))
        return {name: [instance[name] for instance in instances] for name in names}
    signature.check_names(set(names[:1]))
    for place, instance in enumerate(instances):
        if _is_named(instance):
            raise invalid(f"instances[{place}] is an object, but instances[0] a JSON {_kind(instances[0])}")
    return {names[0]: instances}


def _from_columns(inputs: Any, signature: Signature) -> dict[str, Any]:
    if _is_named(inputs):
        signature.check_names(set(inputs))
        return inputs
    (name,) = list(signature.inputs)[:1]
    signature.check_names({name})
    return {name: inputs}


def _is_named(value: Any) -> bool:
    return isinstance(value, dict) and set(value) != {"b64"}


def _array(values: Any, kind: TensorKind, place: str) -> np.ndarray:
    if kind.dtype == tf.string:
        shape = _shape(values)
        strings = [_bytes(value, where) for value, where in _leaves(values, shape, place)]
        array = np.empty(len(strings), dtype=object)
        array[:] = strings
        return array.reshape(shape)
    try:
        array = np.asarray(values)
    except ValueError:
        array = np.empty(0, object)
    if array.dtype.kind not in "iuf" or array.dtype == object:
        # Something is no number, or lists differ in length: find it, which is slower.
        for value, where in _leaves(values, _shape(values), place):
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise invalid(f"{where} is a JSON {_kind(value)}; expected a number ({kind})")
        raise invalid(f"{place} holds numbers beyond the range of {kind.dtype.name}")
    with np.errstate(over="ignore"):
        cast = array.astype(kind.dtype.as_numpy_dtype)
    if cast.dtype.kind == "f" and np.isinf(cast).sum() != np.isinf(array).sum():
        raise invalid(f"{place} holds numbers beyond the range of {kind.dtype.name}")
    return cast


def _shape(values: Any) -> tuple[int, ...]:
    """Return the shape that the first elements of nested lists have."""
    shape: list[int] = []
    while isinstance(values, list):
        shape.append(len(values))
        if not values:
            break
        if len(shape) > _DEEPEST:
            raise invalid(f"lists are nested more than {_DEEPEST} deep")
        values = values[0]
    return tuple(shape)


def _leaves(values: Any, shape: tuple[int, ...], place: str) -> Iterator[tuple[Any, str]]:
    """Yield the elements of nested lists and their places; refuse lists that are not of a shape."""
    if not shape:
        if isinstance(values, list):
            raise invalid(f"{place} is a list, but its neighbours are not")
        yield values, place
        return
    if not isinstance(values, list):
        raise invalid(f"{place} is a JSON {_kind(values)}; expected a list of {shape[0]}")
    if len(values) != shape[0]:
        raise invalid(f"{place} has {len(values)} elements, but its neighbours {shape[0]}")
    for index, value in enumerate(values):
        yield from _leaves(value, shape[1:], f"{place}[{index}]")


def _bytes(value: Any, place: str) -> bytes:
    if isinstance(value, str):
        if value.startswith(_BASE64_OF_FITS):
            raise invalid(f'{place} is base64 as a plain string; expected {{"b64": "..."}}')
        return value.encode("utf-8", "surrogatepass")
    if not isinstance(value, dict) or set(value) != {"b64"} or not isinstance(value["b64"], str):
        raise invalid(f'{place} is a JSON {_kind(value)}; expected a string or {{"b64": "..."}}')
    try:
        return base64.b64decode(value["b64"], validate=True)
    except ValueError:
        pass  # blanks, or no padding
    text = _BLANKS.sub("", value["b64"]).rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError as error:
        raise invalid(f"{place}: Unable to base64 decode (standard alphabet, RFC 4648): {error}") from None


def _plain(name: str, answer: np.ndarray) -> list:
    """Return numbers in the fewest digits that are exact, and strings as text."""
    if answer.dtype == object:
        as_bytes = name.endswith("_bytes")
        return [_text(value, as_bytes) for value in answer.tolist()] if answer.ndim == 1 else answer.tolist()
    if answer.dtype == np.float32 and answer.ndim == 1:
        return [float(str(value)) for value in answer]
    return answer.tolist()


def _text(value: bytes, as_bytes: bool) -> Any:
    if as_bytes:
        return {"b64": base64.b64encode(value).decode()}
    return value.decode("utf-8", "replace")


def _kind(value: Any) -> str:
    names = {dict: "object", list: "list", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number")
