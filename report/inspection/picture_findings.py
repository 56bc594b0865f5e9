"""What a person should know of the pictures that a network is to learn from, in sentences."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from preprocessing.fits.files import StampError
from preprocessing.labels.reading import LabelledObject
from preprocessing.settings import ImageSettings
from preprocessing.stamps import StampReader
from report.inspection.findings import Finding

ONE_COLOUR = 2
"""Largest difference of two pixels of a picture that shows nothing [grey levels]."""
MOST_OF_ONE_COLOUR = 0.9
"""Share of pictures that show nothing from which nothing can be learned."""
# With a good stretch up to 30 % of the pixels were black, those of a sky below zero, and up to 7 % saturated
# (SDSS, KiDS, simulated survey).
_BLACK, _BURNT = 0.75, 0.25


@dataclass
class PictureCounts:
    """Pictures counted by what their pixels are.

    Attributes
    ----------
    pictures : int
    of_one_colour : int
        Those of which no two pixels differ by more than `ONE_COLOUR`.
    black, burnt : float
        Sums over the pictures of the shares of pixels with all three colours at 0, and with any at 255.
    """

    pictures: int = 0
    of_one_colour: int = 0
    black: float = 0.0
    burnt: float = 0.0

    def count(self, picture: np.ndarray) -> None:
        """Count a picture: uint8, shape (H, W, 3)."""
        pixels = picture.reshape(-1, 3)
        brightest = pixels.max(axis=1)
        self.pictures += 1
        self.of_one_colour += bool((pixels.max(axis=0) - pixels.min(axis=0)).max() <= ONE_COLOUR)
        self.black += float((brightest == 0).mean())
        self.burnt += float((brightest == 255).mean())


def picture_findings(counts: PictureCounts, whose: str) -> list[Finding]:
    """Judge pictures.

    Parameters
    ----------
    counts : PictureCounts
    whose : str
        Whose pictures these are: ``"training galaxies"``.

    Returns
    -------
    list of Finding
        At most one: a ``stop`` where nearly all pictures are of one colour, or a ``warning``.
    """
    total = counts.pictures
    if not total:
        return []
    remedy = "Check [image] stretch, minimum and rgb: galmorph inspect shows pictures and suggests a stretch."
    if counts.of_one_colour >= MOST_OF_ONE_COLOUR * total:
        text = (
            f"The pictures of {counts.of_one_colour:,} of {total:,} {whose} are of one colour: there is"
            " nothing to learn from."
        )
        return [Finding("stop", text, remedy)]
    black, burnt = counts.black / total, counts.burnt / total
    if black < _BLACK and burnt < _BURNT:
        return []
    shares = f"{black:.0%} are black (0) and {burnt:.0%} are saturated (255)"
    text = f"Of the pixels of the pictures of {total:,} {whose}, {shares}."
    return [Finding("warning", text, remedy)]


def sampled_pictures(
    objects: Sequence[LabelledObject], reader: StampReader, image: ImageSettings
) -> PictureCounts:
    """Count the pictures of some objects, made by astropy at the size of the cut.

    Parameters
    ----------
    objects : sequence of LabelledObject
    reader : StampReader
        Reads the picture's bands at the size of its cut.
    image : ImageSettings

    Returns
    -------
    PictureCounts
        Of the objects whose stamps can be read.
    """
    # Not our own picture, whose library takes seconds to load. It is the same to within one grey level.
    from astropy.visualization import make_lupton_rgb

    counts = PictureCounts()
    for entry in objects:
        try:
            planes = reader.read(entry.name, entry.ra, entry.dec).planes
        except StampError:
            continue  # the ingest will name it
        flux = [np.nan_to_num(planes[band].flux, posinf=0, neginf=0) for band in image.bands]
        with np.errstate(all="ignore"):
            picture = make_lupton_rgb(*flux, minimum=image.minima, stretch=image.stretch, Q=image.q)
        counts.count(picture)
    return counts
