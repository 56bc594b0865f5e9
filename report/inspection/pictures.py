"""Pictures of single objects, exactly as the network sees them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from preprocessing.fits.files import StampError
from preprocessing.labels.reading import LabelledObject
from preprocessing.settings import ImageSettings
from preprocessing.stamps import StampReader
from report.html.tiles import Tile
from report.inspection.measures import STATISTICS, measure
from report.inspection.renderer import LARGEST_SHOWN, Render


@dataclass(frozen=True)
class View:
    """A column of a contact sheet: pictures made with one set of settings.

    Attributes
    ----------
    title, note : str
        Heading of the pictures, and a note below it.
    image : ImageSettings
    configured : bool
        Whether a run would use these settings.
    """

    title: str
    image: ImageSettings
    note: str = ""
    configured: bool = False


class TileMaker:
    """Reads stamps and makes pictures of them.

    Parameters
    ----------
    reader : StampReader
        Reader with the settings of the run; bands and side are replaced by those of each view.
    stamp_size : int
        Side of the stamps in the Examples [pixels]; 0 means the cut of the view.
    render : callable
        Makes the picture files, see `report.inspection.renderer.render`.

    Attributes
    ----------
    peaks : dict of str to list of float
        Peak of every plane read, by band, see `report.inspection.measures.measure` [flux units].
    """

    def __init__(self, reader: StampReader, stamp_size: int, render: Render) -> None:
        self._reader, self._stamp_size, self._render = reader, stamp_size, render
        self.peaks: dict[str, list[float]] = {}

    def tiles(self, objects: Sequence[LabelledObject], view: View) -> list[Tile]:
        """Make pictures of some objects.

        Parameters
        ----------
        objects : sequence of LabelledObject
        view : View

        Returns
        -------
        list of Tile
            One for each object.
        """
        image = view.image
        reader = replace(self._reader, bands=image.bands, side=max(image.cut, self._stamp_size))
        fluxes: dict[int, np.ndarray] = {}
        problems = {}
        for place, entry in enumerate(objects):
            try:
                planes = reader.read(entry.name, entry.ra, entry.dec).planes
            except StampError as error:
                problems[place] = f"{error.reason}: {error.message}"
                continue
            fluxes[place] = np.stack([planes[band].flux for band in image.bands], axis=-1)
            for band in image.bands:
                peak = measure(planes[band])[STATISTICS.index("peak")]
                self.peaks.setdefault(band, []).append(peak)
        tiles = [Tile(problem=problems.get(place, "")) for place in range(len(objects))]
        if fluxes:
            files = self._render(np.stack(list(fluxes.values())), image)
            for place, file in zip(fluxes, files, strict=True):
                tiles[place] = Tile.of_png(file, min(image.size, LARGEST_SHOWN))
        return tiles

    def median_peak(self, band: str) -> float:
        """Return the median of `peaks` of a band; NaN if none was read."""
        peaks = [peak for peak in self.peaks.get(band, ()) if math.isfinite(peak)]
        return float(np.median(peaks)) if peaks else math.nan
