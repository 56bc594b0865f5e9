"""A small survey with every kind of damage, and a quick stand-in for the pictures."""

import csv
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from preprocessing.data_settings import DataSettings, SplitSettings
from preprocessing.settings import ImageSettings
from report.inspection.look import inspect_data
from report.inspection.records import Look, Request

SPITEFUL = "<b onclick='x'>&\"amp;"
SIDE, CUT = 24, 16
NOISE = {"I": 0.1, "R": 0.2, "G": 0.1, "U": 0.1}


def stamp(rng: np.random.Generator, band: str, side: int = SIDE) -> np.ndarray:
    """A round galaxy on noise."""
    offsets = np.arange(side) - (side - 1) / 2
    galaxy = 50 * np.exp(-(np.hypot(offsets, offsets[:, None]) ** 2) / 6)
    return (galaxy + rng.normal(scale=NOISE[band], size=(side, side))).astype("f4")


def write_table(path: Path, rows: list[tuple]) -> None:
    with open(path, "w", newline="") as table:
        csv.writer(table).writerows([("name", "label", "ra", "dec", "mag"), *rows])


@pytest.fixture
def survey_folder(tmp_path: Path, write_stamp: Callable[..., Path]) -> Path:
    """45 rows, 35 of them good; U files for a few."""
    rng = np.random.default_rng(0)
    good = [f"S{index:02d}" for index in range(20)] + [f"E{index:02d}" for index in range(12)]
    good += [f"U{index:02d}" for index in range(3)]
    labels = {"S": "spiral", "E": "elliptical", "U": "uncertain"}
    rows = [(name, labels[name[0]], 10 + place, -5, 15.5) for place, name in enumerate(good)]
    rows += [
        ("no-file", "spiral", 60, 0, 99),
        ("nan", "elliptical", 61, 0, 16),
        ("text", "spiral", 62, 0, 16),
        ("small", "spiral", 63, 0, 16),
        ("S00", "spiral", 10, -5, 15.5),
        ("TWIN", "spiral", 11 + 0.3 / 3600, -5, 16),
        ("ODD", "elliptical", 12, -5, 16),
        ("blob", "blob", 64, 0, 16),
        ("", "spiral", 65, 0, 16),
        (SPITEFUL, "spiral", 66, 0, 16),
    ]
    for name in dict.fromkeys(row[0] for row in rows if row[0] not in ("no-file", "", "blob")):
        for band in "IRG" + ("U" if name.startswith("S0") else ""):
            image = stamp(rng, band, 12 if name == "small" else SIDE)
            if name == "nan" and band == "R":
                image[:12] = np.nan
            write_stamp(name, band, image, FILTER="G" if (name, band) == ("E00", "R") else band)
    (tmp_path / "I_stamps" / "text_I.fits").write_text("<html>")
    write_table(tmp_path / "labels.csv", rows)
    return tmp_path


def request_for(folder: Path, **changes: object) -> Request:
    """What to look at in `survey_folder`; changes are of data, image, or of the request."""
    data = {
        "labels": str(folder / "labels.csv"),
        "stamps": str(folder / "{band}_stamps" / "{name}_{band}.fits"),
    }
    image = {"cut": CUT, "size": CUT, "stretch": 3.0}
    others = {}
    for name, value in changes.items():
        table = data if name in DataSettings.model_fields else image
        (table if name in {**DataSettings.model_fields, **ImageSettings.model_fields} else others)[name] = (
            value
        )
    data_settings, image_settings = DataSettings(**data), ImageSettings(**image)
    bands = data_settings.bands or image_settings.bands
    side = data_settings.stamp_size or image_settings.cut
    return Request(data_settings, image_settings, SplitSettings(), bands, side, **others)


def quick_render(flux: np.ndarray, image: ImageSettings) -> list[bytes]:
    """Grey pictures, without TensorFlow."""
    assert flux.dtype == np.float32 and flux.shape[1] == flux.shape[2] >= image.cut and flux.shape[3] == 3

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    pixel = chunk(b"IDAT", zlib.compress(b"\0\x80"))
    return [b"\x89PNG\r\n\x1a\n" + header + pixel + chunk(b"IEND", b"")] * len(flux)


def look_at(folder: Path, **changes: object) -> Look:
    """Look at `survey_folder`, quickly; the page is in `look`."""
    return inspect_data(request_for(folder, **changes), folder / "look", render=quick_render)
