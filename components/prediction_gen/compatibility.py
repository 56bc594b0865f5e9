"""Check whether an exported model can classify the Examples of a run."""

from collections.abc import Mapping, Sequence
from typing import Any

_ELSEWHERE = "choose another [push] directory and [pipeline] root"


class IncompatibleModelError(Exception):
    """The model cannot classify the Examples; the message is one sentence."""


def incompatibility(
    description: Mapping[str, Any], bands: Sequence[str], side: int, flux: Mapping[str, Any]
) -> tuple[str, str] | None:
    """Return why a published model cannot be compared with a candidate on the Examples of a run.

    Parameters
    ----------
    description : mapping
        Content of ``assets.extra/galmorph.json`` of the published model.
    bands : sequence of str
        Bands in the Examples.
    side : int
        Side of the flux in the Examples [pixels].
    flux : mapping
        Settings that convert the numbers in the stamps to flux, see `DataSettings.flux`.

    Returns
    -------
    tuple of (str, str) or None
        Key of the configuration, and the end of a sentence that begins with "the published model"; None if
        the model is compatible.

    Raises
    ------
    KeyError, TypeError, AttributeError
        If the description was not written by galmorph.
    """
    missing = [band for band in description["bands"] if band not in bands]
    if missing:
        return (
            "[data] bands",
            f"needs band {missing[0]} to be compared with: add it to [data] bands, or {_ELSEWHERE}",
        )
    learned = description.get("flux", flux)  # absent in models of earlier versions, without these settings
    for key, value in flux.items():
        if learned.get(key) != value:
            return (
                f"[data] {key}",
                f"was trained with {key} = {learned.get(key)!r} and cannot be compared with: {_ELSEWHERE}",
            )
    cut = description["image"]["cut"]
    if cut > side:
        return (
            "[data] stamp_size",
            f"needs stamps of {cut} pixels to be compared with, but {side} are kept: set stamp_size = {cut},"
            f" or {_ELSEWHERE}",
        )
    return None
