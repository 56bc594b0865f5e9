"""Whether an exported model can be asked about the Examples of a run."""

from collections.abc import Mapping, Sequence
from typing import Any

_ELSEWHERE = "choose another [push] directory and [pipeline] root"


class IncompatibleModelError(Exception):
    """The Examples lack what the model needs; the message is one sentence."""


def incompatibility(
    description: Mapping[str, Any], bands: Sequence[str], side: int, flux: Mapping[str, Any]
) -> tuple[str, str] | None:
    """Find what keeps a published model from being compared with on the Examples of a run.

    Parameters
    ----------
    description : mapping
        Of the published model, as ``assets.extra/galmorph.json`` has it.
    bands : sequence of str
        Bands in the Examples.
    side : int
        Side of the flux in the Examples [pixels].
    flux : mapping
        How the numbers in the stamps became flux, see `DataSettings.flux`.

    Returns
    -------
    tuple of (str, str) or None
        Key of the configuration, and what to say after "the published model"; None: nothing.

    Raises
    ------
    KeyError, TypeError, AttributeError
        If galmorph did not write the description.
    """
    missing = [band for band in description["bands"] if band not in bands]
    if missing:
        return (
            "[data] bands",
            f"needs band {missing[0]} to be compared with: add it to [data] bands, or {_ELSEWHERE}",
        )
    learned = description.get("flux", flux)  # absent: a model from before there was a choice
    for key, value in flux.items():
        if learned.get(key) != value:
            return (
                f"[data] {key}",
                f"learned from flux with {key} = {learned.get(key)!r} and cannot be compared with:"
                f" {_ELSEWHERE}",
            )
    cut = description["image"]["cut"]
    if cut > side:
        return (
            "[data] stamp_size",
            f"needs stamps of {cut} pixels to be compared with, but {side} are kept: set stamp_size = {cut},"
            f" or {_ELSEWHERE}",
        )
    return None
