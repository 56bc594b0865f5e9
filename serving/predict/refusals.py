"""Read which objects a server refuses, from the message of `preprocessing.graph.flux.FluxReader`."""

import re

_OBJECT = re.compile(
    r"object (\d+), band (\w+): (.*?)"
    r"(?=; object \d+, band \w+: |; and \d+ more|\]\s*(?:\[\[|\[Op:|$)|$)",
    re.DOTALL,
)


def refused_objects(message: str) -> dict[int, tuple[str, str]]:
    """Return band and reason for each object that a message names, by its position in the request."""
    found: dict[int, tuple[str, str]] = {}
    for place, band, reason in _OBJECT.findall(message):
        found.setdefault(int(place), (band, " ".join(reason.split())))
    return found
