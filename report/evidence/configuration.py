"""Tables of a run's configuration, as text and as TOML."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import tomli_w


def table_of(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a table of a mapping; an empty one if there is none."""
    table = content.get(name)
    return table if isinstance(table, Mapping) else {}


def text_of(value: Any) -> str:
    """Return a value of the configuration as readable text."""
    if value is None or value == "" or value == {} or value == []:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {text_of(entry)}" for key, entry in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(text_of, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def toml_of(tables: Mapping[str, Any]) -> str:
    """Return tables as TOML, without empty tables and keys without a value."""
    return tomli_w.dumps({name: _without_none(table) for name, table in tables.items() if table})


def _without_none(value: Any) -> Any:
    """Return a value of the configuration without None, which TOML does not have."""
    if isinstance(value, Mapping):
        return {key: _without_none(entry) for key, entry in value.items() if entry is not None}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [_without_none(entry) for entry in value if entry is not None]
    return value
