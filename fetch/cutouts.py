"""Stamps from any survey's cutout service: an address with places to fill in."""

import re
import threading
from collections.abc import Collection
from pathlib import Path
from threading import Event
from urllib.parse import quote, urlsplit

from fetch.download import check_address
from fetch.errors import FetchError
from fetch.retry import Patience
from fetch.targets import Target
from fetch.transfer import download_part, new_session

PLACES = ("name", "band", "band_lower", "ra", "dec", "size")


class CutoutSource:
    """A service that returns one FITS file for one address.

    Parameters
    ----------
    template : str
        Address with ``{name}``, ``{band}`` or ``{band_lower}``, ``{ra}`` and ``{dec}`` [deg], ``{size}``
        [pixels]; any other place is a column of numbers of the table.
    bands : sequence of str
        The bands that will be asked for.
    size : int
        Side of a stamp [pixels].
    max_bytes : int
        A larger file is refused.
    patience : Patience
    columns : collection of str
        Columns that the targets have values of.

    Raises
    ------
    FetchError
        If the template would ask for the same file again and again, or is no template.
    """

    def __init__(
        self,
        template: str,
        bands: tuple[str, ...],
        *,
        size: int,
        max_bytes: int,
        patience: Patience,
        columns: Collection[str] = (),
    ) -> None:
        check_address(template)
        places = places_of(template)
        if unknown := sorted(places - {*PLACES, *columns}):
            there_are = ", ".join(f"{{{name}}}" for name in PLACES)
            raise FetchError(
                f"--url-template has {{{unknown[0]}}}; there are {there_are}, and columns of the table"
            )
        if re.search(r"[{}]", urlsplit(template).netloc):
            raise FetchError("--url-template: the table must not say which host is asked")
        if "name" not in places and not {"ra", "dec"} <= places:
            raise FetchError("--url-template needs {name}, or {ra} and {dec}")
        if len(bands) > 1 and not places & {"band", "band_lower"}:
            raise FetchError("--url-template needs {band}: more than one band is asked for")
        self._template, self._size = template, size
        self._max_bytes, self._patience = max_bytes, patience
        self._of_thread = threading.local()

    @property
    def host(self) -> str:
        """Who is asked."""
        return urlsplit(self._template).hostname or ""

    def fetch(self, target: Target, band: str, part: Path, stop: Event) -> int:
        """Bring one stamp, as `fetch.stamps.StampSource` says."""
        if not hasattr(self._of_thread, "session"):
            self._of_thread.session = new_session()
        return download_part(
            self.address(target, band),
            part,
            session=self._of_thread.session,
            max_bytes=self._max_bytes,
            patience=self._patience,
            stop=stop,
        )

    def address(self, target: Target, band: str) -> str:
        """Return the address of one stamp; names are percent-encoded, so that they stay in their place."""
        values = {
            "name": quote(target.name, safe=""),
            "band": band,
            "band_lower": band.lower(),
            "ra": f"{target.ra:.7f}",  # 1e-7 deg: 0.4 milliarcsec
            "dec": f"{target.dec:.7f}",
            "size": str(self._size),
            **{column: f"{value:.10g}" for column, value in target.values.items()},
        }
        # In one pass: a name that spells {ra} stays a name.
        return re.sub(r"\{([^{}]+)\}", lambda match: values[match[1]], self._template)


def places_of(template: str) -> set[str]:
    """Return the names in braces of an address."""
    return set(re.findall(r"\{([^{}]*)\}", template))


def columns_of(template: str) -> list[str]:
    """Return the columns of the table that an address needs."""
    return sorted(name for name in places_of(template) - set(PLACES) if name.strip())
