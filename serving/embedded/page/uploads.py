"""From uploaded FITS files, or a name of the survey, to the flux of one galaxy."""

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from preprocessing.bands import band_name
from preprocessing.fits.files import StampError
from preprocessing.fits.reading import read_image
from preprocessing.stamps import Stamp, StampReader, named_band
from serving.predict.description import Description
from serving.published import PublishedModel

_TEMPLATE = "{name}_{band}.fits"
_NAME = "upload"
_WORDS = re.compile(r"[^A-Za-z0-9]+")


@dataclass
class Upload:
    """An uploaded file.

    Attributes
    ----------
    name : str
        Its name on the user's machine; only for messages and for finding the band.
    content : bytes
    band : str
        Band that the user chose, and then the one that was found; empty if unknown.
    found_in : str
        ``"choice"``, ``"file name"``, ``"header"`` or empty.
    problem : str
        Why it cannot be used, or empty.
    """

    name: str
    content: bytes
    band: str = ""
    found_in: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Galaxy:
    """Flux of one galaxy.

    Attributes
    ----------
    flux : numpy.ndarray, float32, shape (1, side, side, 3)
        Red first.
    warnings : list of str
    """

    flux: np.ndarray
    warnings: list[str]


class Refused(Exception):
    """A galaxy cannot be classified; the message is for the user."""


def read_uploads(uploads: Sequence[Upload], model: PublishedModel) -> Galaxy | None:
    """Find the band of each file, and read them as the ingest would.

    Parameters
    ----------
    uploads : sequence of Upload
        Their bands and problems are filled in.
    model : PublishedModel

    Returns
    -------
    Galaxy or None
        None if a file has a problem.

    Raises
    ------
    Refused
        If a band is missing or there twice.

    Notes
    -----
    The files are written to a private folder under fixed names, because unusual ones are read by astropy from
    a file, and removed at once.
    """
    with tempfile.TemporaryDirectory(prefix="galmorph-page-") as folder:
        for number, upload in enumerate(uploads):
            path = Path(folder) / f"{number}.fits"
            path.write_bytes(upload.content)
            _find_band(upload, path, model.bands)
        if any(upload.problem for upload in uploads):
            return None
        _refuse_unless_one_each(uploads, model.bands)
        for number, upload in enumerate(uploads):
            (Path(folder) / f"{number}.fits").rename(Path(folder) / _file_name(upload.band))
        reader = reader_of(model, str(Path(folder) / _TEMPLATE))
        by_file = {_file_name(upload.band): upload for upload in uploads}
        try:
            stamp = reader.read(_NAME)
        except StampError as error:
            by_file[Path(error.path).name].problem = error.message
            return None
        names = {file: upload.name for file, upload in by_file.items()}
        return _galaxy(stamp, model, names)


def read_named(name: str, template: str, model: PublishedModel) -> Galaxy:
    """Read a galaxy of the survey folder; raise `Refused` if it cannot be used."""
    try:
        stamp = reader_of(model, template).read(name.strip())
    except StampError as error:
        file = Path(error.path).name
        raise Refused(f"{file}: {error.message}" if file else error.message) from None
    return _galaxy(stamp, model, {})


def reader_of(model: PublishedModel, template: str) -> StampReader:
    """Return a reader that accepts and scales stamps as the model's ingest did; raise `Refused` for cubes."""
    if model.description.get("limits", {}).get("cubes"):
        raise Refused(
            "this model was trained on cubes, one file for all bands, which the page does not read;"
            " send the flux to classify_flux"
        )
    return Description.of(model.description, str(model.path)).reader(template)


def band_in_name(file: str, bands: Sequence[str]) -> str:
    """Return the band that a file name holds as a word of its own, the last if several; empty for none."""
    found = ""
    for word in _WORDS.split(file):
        try:
            band = band_name(word)
        except ValueError:
            continue
        if band in bands:
            found = band
    return found


def _find_band(upload: Upload, path: Path, bands: Sequence[str]) -> None:
    try:
        _, header = read_image(path)
    except StampError as error:
        upload.problem = error.message
        return
    candidates = {
        "choice": upload.band,
        "file name": band_in_name(upload.name, bands),
        "header": named_band(header) or "",
    }
    upload.band = ""
    for source, band in candidates.items():
        if band in bands:
            upload.band, upload.found_in = band, source
            return
    other = candidates["header"]
    said = f"; its header says {other}" if other else ""
    upload.problem = f"the band is unknown{said}: choose one of {', '.join(bands)}"


def _refuse_unless_one_each(uploads: Sequence[Upload], bands: Sequence[str]) -> None:
    names = {band: [upload.name for upload in uploads if upload.band == band] for band in bands}
    for band, files in names.items():
        if len(files) > 1:
            raise Refused(f"{len(files)} files are of band {band}: {', '.join(files)}; one galaxy at a time")
    for band, files in names.items():
        if not files:
            raise Refused(f"band {band} is missing: the model needs {', '.join(bands)}")


def _galaxy(stamp: Stamp, model: PublishedModel, names: dict[str, str]) -> Galaxy:
    flux = np.stack([stamp.planes[band].flux for band in model.bands], axis=-1)[None]
    warnings = []
    for warning in stamp.warnings:
        file = Path(warning.path).name
        message = warning.message
        for own, given in names.items():
            message = message.replace(own, given)
        warnings.append(f"{names.get(file, file)}: {message}")
    return Galaxy(flux, warnings)


def _file_name(band: str) -> str:
    return _TEMPLATE.replace("{name}", _NAME).replace("{band}", band)
