"""JSON text without NaN."""

import json
import math
from collections.abc import Mapping
from typing import Any


def finite(content: Any) -> Any:
    """Return JSON content with None in place of numbers that are not finite, which JSON does not have."""
    if isinstance(content, Mapping):
        return {key: finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def json_text(content: Any) -> str:
    """Return indented JSON."""
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
