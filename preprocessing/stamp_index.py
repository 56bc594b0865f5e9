"""Which stamps exist, found without reading them."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from preprocessing.bands import band_spellings
from preprocessing.fits.files import StampError
from preprocessing.locations import Location, Remote, is_uri
from preprocessing.stamp_paths import find_stamp, possible_stamps, stamp_path
from preprocessing.storage import Status, listing


@dataclass
class StampIndex:
    """Looks for stamps. On a disk it asks for each file; an object store is listed once.

    Parameters
    ----------
    template : str
        Path or URI with ``{name}`` and, unless files hold all bands, ``{band}``.

    Notes
    -----
    Listed are the URIs that begin with what precedes ``{name}``, for every spelling of the band: one request
    for each 1000 objects there, and about 1 kB of memory for each object. A template such as
    ``s3://bucket/{name}_{band}.fits`` lists the whole bucket.
    """

    template: str
    _listed: dict[str, dict[str, Status]] = field(default_factory=dict)

    def find(self, name: str, band: str) -> Location | None:
        """Return where the stamp of a band of an object lies; None if there is none, or no such name."""
        if is_uri(self.template):
            return next((file for file, _ in self._objects(name, band)), None)
        try:
            path = self._path(name, band)
            return path if path.is_file() else None
        except (StampError, OSError, ValueError):
            return None

    def state(self, name: str, band: str) -> str:
        """Return a text that changes with the stamp: its size, and time of change or tag; or ``absent``."""
        if is_uri(self.template):
            found = next((status for _, status in self._objects(name, band)), None)
            return f"{found.size} {found.tag}" if found else "absent"
        try:
            status = os.stat(self._path(name, band))
        except (StampError, OSError, ValueError):
            return "absent"
        return f"{status.st_size} {status.st_mtime_ns}"

    def _path(self, name: str, band: str) -> Path:
        cubes = "{band}" not in self.template
        return stamp_path(self.template, name, "") if cubes else find_stamp(self.template, name, band)

    def _objects(self, name: str, band: str) -> Iterator[tuple[Location, Status]]:
        try:
            for spelling, file in possible_stamps(self.template, name, band):
                if found := self._below(prefix_of(self.template, spelling)).get(str(file)):
                    yield file, found
        except StampError:  # a name that cannot be part of a file name
            return

    def _below(self, prefix: str) -> dict[str, Status]:
        if prefix not in self._listed:
            self._listed[prefix] = listing(Remote(prefix))
        return self._listed[prefix]


def prefix_of(template: str, band: str) -> str:
    """Return what precedes the first placeholder in a template in which the band is filled in."""
    return template.replace("{band}", band).partition("{name}")[0]


def listed_below(template: str, bands: Iterable[str]) -> Iterator[str]:
    """Yield the URIs of all objects that may be stamps of a template in one of the bands."""
    spellings = [spelling for band in bands for spelling in band_spellings(band)]
    for prefix in dict.fromkeys(prefix_of(template, spelling) for spelling in spellings):
        yield from listing(Remote(prefix))
