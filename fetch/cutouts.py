"""Stamps from any cutout service, given as a URL template."""

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
    """A cutout service that returns one FITS file per URL.

    Parameters
    ----------
    template : str
        URL with ``{name}``, ``{band}`` or ``{band_lower}``, ``{ra}`` and ``{dec}`` [deg], ``{size}``
        [pixels]. Any other field is a numeric column of the table.
    bands : sequence of str
        The bands to request.
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
        If the template is not valid, or would give the same URL for different stamps.
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
            raise FetchError("--url-template: the name of the host must not depend on the table")
        if "name" not in places and not {"ra", "dec"} <= places:
            raise FetchError("--url-template needs {name}, or {ra} and {dec}")
        if len(bands) > 1 and not places & {"band", "band_lower"}:
            raise FetchError("--url-template needs {band}, because there is more than one band")
        self._template, self._size = template, size
        self._max_bytes, self._patience = max_bytes, patience
        self._of_thread = threading.local()

    @property
    def host(self) -> str:
        """Host of the service."""
        return urlsplit(self._template).hostname or ""

    def fetch(self, target: Target, band: str, part: Path, stop: Event) -> int:
        """Download one stamp; see `fetch.one_stamp.StampSource`."""
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
        """Return the URL of one stamp. Names are percent-encoded."""
        values = {
            "name": quote(target.name, safe=""),
            "band": band,
            "band_lower": band.lower(),
            "ra": f"{target.ra:.7f}",  # 1e-7 deg: 0.4 milliarcsec
            "dec": f"{target.dec:.7f}",
            "size": str(self._size),
            **{column: f"{value:.10g}" for column, value in target.values.items()},
        }
        # In one pass, so that a name such as {ra} is not filled in.
        return re.sub(r"\{([^{}]+)\}", lambda match: values[match[1]], self._template)


def places_of(template: str) -> set[str]:
    """Return the names of the fields of a URL template."""
    return set(re.findall(r"\{([^{}]*)\}", template))


def columns_of(template: str) -> list[str]:
    """Return the columns of the table that a URL template needs."""
    return sorted(name for name in places_of(template) - set(PLACES) if name.strip())
