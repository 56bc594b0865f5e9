"""What a run says if its model is not published."""

from collections.abc import Mapping
from typing import Any


class RefusedError(Exception):
    """The model was not published; the message says why."""


def refusals(metrics: Mapping[str, Any]) -> list[str]:
    """Return why the model of a run was not published.

    Parameters
    ----------
    metrics : mapping
        Content of ``metrics.json``.

    Returns
    -------
    list of str
        One line for each reason; empty if the model was published.
    """
    if not metrics["gate"]["blessed"]:
        what, reasons = "is not good enough", metrics["gate"]["reasons"]
    elif (trial := metrics["serving"]) and not trial["blessed"]:
        what, reasons = "cannot be served", trial["reasons"]
    else:
        return []
    return [f"the model {what}, nothing was pushed: {reason}" for reason in reasons or ["no reason is given"]]
