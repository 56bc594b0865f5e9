"""The galaxies of a trial, as requests to every signature."""

import io
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from tensorflow.core.example.example_pb2 import Example

from preprocessing.features import NAME, flux_feature
from preprocessing.fits.files import StampError
from preprocessing.flux_scale import ZERO_POINT_KEYWORDS, FluxScale
from preprocessing.planes import centre_cut
from serving.predict.description import Description

MOST_FILES = 64
"""Galaxies that are sent as FITS files."""


@dataclass(frozen=True)
class Sample:
    """Galaxies that the candidate has been asked about before.

    Attributes
    ----------
    names : sequence of str
    examples : ndarray of bytes, shape (N,)
        Raw Examples.
    flux : ndarray, float32, shape (N, H, W, 3)
        Their flux, red first.
    expected : ndarray, float64, shape (N,)
        Probabilities of elliptical that PredictionGen got from the candidate, NaN if it gave none.
    """

    names: Sequence[str]
    examples: np.ndarray
    flux: np.ndarray
    expected: np.ndarray

    def __len__(self) -> int:
        return len(self.names)


def sample_of(records: Iterable[bytes], bands: Sequence[str], expected: Mapping[str, float]) -> Sample:
    """Return a sample.

    Parameters
    ----------
    records : iterable of bytes
        Raw Examples.
    bands : sequence of str
        Bands of the model, red first.
    expected : mapping of str to float
        Probabilities by name; Examples of other names are left out.
    """
    names, examples, flux = [], [], []
    for record in records:
        features = Example.FromString(record).features.feature
        name = features[NAME].bytes_list.value[0].decode()
        if name not in expected:
            continue
        planes = [np.frombuffer(features[flux_feature(band)].bytes_list.value[0], "<f4") for band in bands]
        side = round(len(planes[0]) ** 0.5)
        names.append(name)
        examples.append(record)
        flux.append(np.stack([plane.reshape(side, side) for plane in planes], axis=-1))
    return Sample(
        names,
        strings(examples),
        np.stack(flux) if flux else np.zeros((0, 1, 1, 3), "f4"),
        np.array([expected[name] for name in names]),
    )


def strings(values: Sequence[Any]) -> np.ndarray:
    """Return bytes as an array of objects; NumPy's own type drops zeros at the end."""
    array = np.empty(np.shape(np.array(values, object)), object)
    array[...] = values
    return array


@dataclass(frozen=True)
class FitsRequest:
    """Galaxies as FITS files.

    Attributes
    ----------
    rows : list of int
        Galaxies of the sample that the ingest would accept from these files.
    files : ndarray of bytes, shape (len(rows), 3)
    flux : ndarray, float32, shape (len(rows), cut, cut, 3)
        What the ingest reads from the files.
    same : bool
        Whether that is the flux of the sample.
    """

    rows: list[int]
    files: np.ndarray
    flux: np.ndarray
    same: bool


def fits_request(sample: Sample, description: Mapping[str, Any]) -> FitsRequest:
    """Write the sample's galaxies as FITS files, and read them as the ingest does.

    Parameters
    ----------
    sample : Sample
    description : mapping
        ``assets.extra/galmorph.json`` of the candidate.

    Returns
    -------
    FitsRequest

    Notes
    -----
    The flux of a sample has passed the rules of the ingest, and ``classify_fits`` applies them to the files.
    So the files hold the flux divided by its factor, with the reference zero point in the header. A sky
    level cannot be put back: with ``background = "sigma_clip"`` it is subtracted a second time, and the
    answer to compare with is that for what the reader of the ingest makes of the same files.
    """
    rows: list[int] = []
    files: list[list[bytes]] = []
    flux: list[np.ndarray] = []
    with tempfile.TemporaryDirectory(prefix="galmorph-") as folder:
        reader = Description.of(description, "the candidate").reader(f"{folder}/{{name}}_{{band}}.fits")
        bands, scale, header = reader.bands, reader.flux_scale, fits.Header()
        if scale.zero_points == "header":
            header[ZERO_POINT_KEYWORDS[0]] = scale.reference_zero_point
        for row, galaxy in enumerate(sample.flux[:MOST_FILES]):
            contents = [
                _fits(galaxy[..., place], _factor(scale, band), header) for place, band in enumerate(bands)
            ]
            for band, content in zip(bands, contents, strict=True):
                Path(folder, f"{row}_{band}.fits").write_bytes(content)
            try:
                planes = reader.read(str(row)).planes
            except StampError:
                continue  # too many blank pixels in the cut, which the ingest judged in a larger one
            rows.append(row)
            files.append(contents)
            flux.append(np.stack([planes[band].flux for band in bands], axis=-1))
    read = np.stack(flux) if flux else np.zeros((0, 1, 1, 3), "f4")
    return FitsRequest(rows, strings(files), read, bool(rows) and _is_centre(read, sample.flux[rows]))


def _factor(scale: FluxScale, band: str) -> float:
    factor = scale.factors.get(band, 1.0)
    if isinstance(scale.zero_points, Mapping):
        factor *= 10.0 ** (-0.4 * (scale.zero_points[band] - scale.reference_zero_point))
    return factor


def _fits(plane: np.ndarray, factor: float, header: fits.Header) -> bytes:
    raw = plane if factor == 1.0 else (plane / np.float64(factor)).astype(np.float32)
    stream = io.BytesIO()
    fits.PrimaryHDU(np.ascontiguousarray(raw), header).writeto(stream)
    return stream.getvalue()


def _is_centre(cuts: np.ndarray, flux: np.ndarray) -> bool:
    pairs = zip(cuts, flux, strict=True)
    return all(np.array_equal(centre_cut(galaxy, len(cut)), cut, equal_nan=True) for cut, galaxy in pairs)


def malformed(sample: Sample, files: np.ndarray) -> dict[str, dict[str, dict[str, np.ndarray]]]:
    """Return requests that every signature must refuse.

    Parameters
    ----------
    sample : Sample
        At least one galaxy.
    files : ndarray of bytes, shape (M, 3)
        FITS files of galaxies; may be empty.

    Returns
    -------
    dict
        Inputs by what is wrong with them, by signature.
    """
    good, side = sample.examples[0], sample.flux.shape[1]
    flux = sample.flux[:1]
    short = Example.FromString(good)
    for name, feature in short.features.feature.items():
        if name.startswith(flux_feature("")):
            feature.bytes_list.value[0] = feature.bytes_list.value[0][:10]
    bad: dict[str, dict[str, dict[str, np.ndarray]]] = {
        "serving_default": {
            "no Example": {"examples": strings([good, b"\xff\xff no Example"])},
            "an Example without flux": {"examples": strings([good, b""])},
            "an Example with ten bytes of flux": {"examples": strings([short.SerializeToString()])},
        },
        "classify_flux": {
            "stamps of one pixel": {"flux": flux[:, :1, :1]},
            "four bands": {"flux": np.zeros((1, side, side, 4), "f4")},
            "one stamp without the dimension of the batch": {"flux": flux[0]},
        },
        "classify_fits": {
            "files that are no FITS": {"fits": strings([[b"no FITS"] * 3])},
            "empty files": {"fits": strings([[b""] * 3])},
            "two files": {"fits": strings([[b"no FITS"] * 2])},
        },
    }
    bad["describe_flux"] = bad["classify_flux"]
    if len(files):
        first = files[0]
        huge = first[0].replace(_axis(first[0]), b"NAXIS1  =            500000000", 1)
        tiny = _fits(np.ones((2, 2), "f4"), 1.0, fits.Header())
        bad["classify_fits"] |= {
            "a file that breaks off": {"fits": strings([[first[0][:3000], *first[1:]]])},
            "a header that announces 2 GB": {"fits": strings([[huge, *first[1:]]])},
            "images of two pixels": {"fits": strings([[tiny] * 3])},
            "a bad file among good ones": {"fits": strings([list(first), [b"no FITS", *first[1:]]])},
        }
    return bad


def _axis(content: bytes) -> bytes:
    start = content.index(b"NAXIS1  =")
    return content[start : start + 30]
