"""Findings on the pictures: of one colour, black or saturated."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from preprocessing.fits.files import StampError
from preprocessing.labels.reading import LabelledObject
from preprocessing.settings import ImageSettings
from preprocessing.stamps import StampReader
from report.inspection.findings import Finding

ONE_COLOUR = 2
"""Largest difference between two pixels of a picture that counts as of one colour [grey levels]."""
MOST_OF_ONE_COLOUR = 0.9
"""Share of pictures of one colour above which a run is refused."""
# With a good stretch up to 30 % of the pixels were black (sky below zero) and up to 7 % saturated (SDSS,
# KiDS, simulated survey).
_BLACK, _SATURATED = 0.75, 0.25


@dataclass
class PictureCounts:
    """Counts of pictures of one colour, and of black and saturated pixels.

    Attributes
    ----------
    pictures : int
    of_one_colour : int
        Number of pictures in which no two pixels differ by more than `ONE_COLOUR`.
    black, saturated : float
        Sums over the pictures of the share of pixels with all three colours at 0, and with any at 255.
    """

    pictures: int = 0
    of_one_colour: int = 0
    black: float = 0.0
    saturated: float = 0.0

    def count(self, picture: np.ndarray) -> None:
        """Count a picture: uint8, shape (H, W, 3)."""
        pixels = picture.reshape(-1, 3)
        brightest = pixels.max(axis=1)
        self.pictures += 1
        self.of_one_colour += bool((pixels.max(axis=0) - pixels.min(axis=0)).max() <= ONE_COLOUR)
        self.black += float((brightest == 0).mean())
        self.saturated += float((brightest == 255).mean())


def picture_findings(counts: PictureCounts, galaxies: str) -> list[Finding]:
    """Check pictures.

    Parameters
    ----------
    counts : PictureCounts
    galaxies : str
        Name of the set of galaxies in the text, such as ``"training galaxies"``.

    Returns
    -------
    list of Finding
        At most one: a ``stop`` if nearly all pictures are of one colour, or a ``warning``.
    """
    total = counts.pictures
    if not total:
        return []
    remedy = "Check [image] stretch, minimum and rgb: galmorph inspect shows pictures and suggests a stretch."
    if counts.of_one_colour >= MOST_OF_ONE_COLOUR * total:
        text = (
            f"The pictures of {counts.of_one_colour:,} of {total:,} {galaxies} are of one colour, so a"
            " network cannot learn from them."
        )
        return [Finding("stop", text, remedy)]
    black, saturated = counts.black / total, counts.saturated / total
    if black < _BLACK and saturated < _SATURATED:
        return []
    shares = f"{black:.0%} of the pixels are black (0) and {saturated:.0%} are saturated (255)"
    text = f"In the pictures of {total:,} {galaxies}, {shares}."
    return [Finding("warning", text, remedy)]


def sampled_pictures(
    objects: Sequence[LabelledObject], reader: StampReader, image: ImageSettings
) -> PictureCounts:
    """Count the pictures of a sample of objects, made by astropy at the size of the cut.

    Parameters
    ----------
    objects : sequence of LabelledObject
    reader : StampReader
        Reads the picture's bands at the size of its cut.
    image : ImageSettings

    Returns
    -------
    PictureCounts
        Counts over the objects whose stamps can be read.
    """
    # TensorFlow, which makes the pictures of a run, takes seconds to load. These agree within one grey level.
    from astropy.visualization import make_lupton_rgb

    counts = PictureCounts()
    for stamp in reader.read_each((entry.name, entry.ra, entry.dec) for entry in objects):
        if isinstance(stamp, StampError):
            continue  # the ingest reports it
        flux = [np.nan_to_num(stamp.planes[band].flux, posinf=0, neginf=0) for band in image.bands]
        with np.errstate(all="ignore"):
            picture = make_lupton_rgb(*flux, minimum=image.minima, stretch=image.stretch, Q=image.q)
        counts.count(picture)
    return counts
