"""The arguments of a run: the values of `--param` over the defaults of the file, checked by type."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from kubeflow.names import SETTINGS
from kubeflow.submit.errors import SubmitError
from kubeflow.submit.package import LARGEST_ARGUMENT, MISSING, Package, Parameter

_WORDS = {
    "NUMBER_INTEGER": "a whole number",
    "NUMBER_DOUBLE": "a number",
    "STRING": "a text",
    "BOOLEAN": "true or false",
    "LIST": "a list in JSON, such as [1, 2]",
    "STRUCT": 'an object in JSON, such as {"key": 1}',
}
_SETTING = re.compile(r"\s*\w+\.\w+\s*=")
_LARGEST_WHOLE = 2**53  # KFP carries every number as a double


def run_arguments(package: Package, given: Sequence[str]) -> dict[str, Any]:
    """Return the arguments of a run, all of them: KFP does not always apply a file's defaults itself.

    Parameters
    ----------
    package : Package
    given : sequence of str
        ``key=value``. The value of a list is JSON that begins with ``[``; anything else is one element, and
        the key may be repeated. So may `SETTINGS`, each time with a further line.

    Returns
    -------
    dict of str to object
        Values that are ready for JSON, by name.

    Raises
    ------
    SubmitError
        If a parameter is not known, has a value of another type, is missing or given twice; or if the
        arguments are too large for KFP.
    """
    chosen = _given(package, given)
    arguments: dict[str, Any] = {}
    missing = []
    for parameter in package.parameters.values():
        if parameter.name in chosen:
            arguments[parameter.name] = chosen[parameter.name]
        elif parameter.default is not MISSING:
            arguments[parameter.name] = _default(package, parameter)
        elif not parameter.optional:
            missing.append(parameter.name)
    if missing:
        names = ", ".join(missing)
        raise SubmitError(f"{package.path} has no default for {names}: give --param {missing[0]}=...")
    _check_sizes(arguments)
    return arguments


def _given(package: Package, given: Sequence[str]) -> dict[str, Any]:
    chosen: dict[str, Any] = {}
    for text in given:
        name, mark, value = text.partition("=")
        name = name.strip()
        if not mark or not name:
            raise SubmitError(f"--param {text}: write key=value")
        parameter = package.parameters.get(name)
        if parameter is None:
            raise SubmitError(f"--param {name}: {package.path} has no such parameter{_hint(name, package)}")
        if parameter.type == "LIST" and not value.lstrip().startswith("["):
            chosen.setdefault(name, []).append(value)
            continue
        if name == SETTINGS and parameter.type == "STRING":
            _check_setting(value)
            chosen[name] = f"{chosen[name]}\n{value}" if name in chosen else value
            continue
        if name in chosen:
            raise SubmitError(f"--param {name} is given twice")
        chosen[name] = _parse(parameter, value)
    return chosen


def _check_setting(lines: str) -> None:
    for line in lines.splitlines():
        if line.strip() and not _SETTING.match(line):
            raise SubmitError(
                f"--param {SETTINGS}={line}: write section.key=value, such as train.batch_size=16"
            )


def _hint(name: str, package: Package) -> str:
    near = get_close_matches(name, package.parameters, n=1, cutoff=0.5)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; it has {', '.join(package.parameters) or 'none'}"


def _parse(parameter: Parameter, text: str) -> Any:
    if parameter.type == "STRING":
        return text
    if parameter.type not in _WORDS:
        raise SubmitError(
            f"--param {parameter.name}: KFP itself fills in a parameter of type {parameter.type}"
        )
    try:
        value = json.loads(
            text.strip().lower() if parameter.type == "BOOLEAN" else text, parse_constant=_refuse
        )
    except ValueError:
        value = MISSING
    if not _fits(parameter.type, value):
        shown = text if len(text) <= 60 else f"{text[:60]}..."
        raise SubmitError(f"--param {parameter.name}={shown}: it must be {_WORDS[parameter.type]}")
    return value


def _fits(type_: str, value: Any) -> bool:
    if type_ == "BOOLEAN":
        return isinstance(value, bool)
    if type_ == "NUMBER_INTEGER":
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST_WHOLE
    if type_ == "NUMBER_DOUBLE":
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return isinstance(value, list if type_ == "LIST" else dict)


def _default(package: Package, parameter: Parameter) -> Any:
    value = parameter.default
    if parameter.type == "NUMBER_INTEGER" and isinstance(value, float) and value.is_integer():
        value = int(value)  # KFP's compiler writes 12.0 for 12
    if parameter.type == "STRING":
        good = isinstance(value, str)
    else:
        good = parameter.type not in _WORDS or _fits(parameter.type, value)
    if not good:
        raise SubmitError(
            f"{package.path}: the default of {parameter.name}, {value!r}, is not {_WORDS[parameter.type]}"
        )
    return value


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _check_sizes(arguments: Mapping[str, Any]) -> None:
    def size(value: Any) -> int:
        return len(json.dumps(value, ensure_ascii=False).encode())

    for name, value in arguments.items():
        if size(value) > LARGEST_ARGUMENT:
            raise SubmitError(
                f"--param {name}: the value has {size(value):,} bytes; KFP takes at most {LARGEST_ARGUMENT:,}"
            )
    if size(arguments) > LARGEST_ARGUMENT:
        raise SubmitError(
            f"the arguments have {size(arguments):,} bytes together; KFP passes them to its driver as one "
            f"argument, which cannot have more than {LARGEST_ARGUMENT:,}"
        )
