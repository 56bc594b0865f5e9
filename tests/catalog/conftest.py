"""A survey with all kinds of trouble, and a tiny published model."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from served import galaxies, publish

BANDS = "IRG"
GOOD = 23


@dataclass(frozen=True)
class Survey:
    """Stamps in a folder, and a table of objects with repeated names and bad rows."""

    folder: Path
    names: list[str]
    table: Path

    @property
    def template(self) -> str:
        return f"{self.folder}/{{name}}_{{band}}.fits"


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the versions of a tiny model that knows nothing but answers."""
    folder = tmp_path_factory.mktemp("models")
    publish(folder / "3", seed=2, with_novelty=True)
    return folder


@pytest.fixture(scope="session")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Survey:
    """23 good galaxies, one constant, one cut short, one without files."""
    folder = tmp_path_factory.mktemp("survey")
    names = [f"G{number:02d}" for number in range(GOOD)]
    flux = galaxies(GOOD, seed=7) + np.random.default_rng(1).normal(0, 0.1, (GOOD, 44, 44, 3))
    for name, planes in zip(names, flux.astype("f4"), strict=True):
        for place, band in enumerate(BANDS):
            fits.writeto(folder / f"{name}_{band}.fits", planes[..., place])
    for band in BANDS:
        fits.writeto(folder / f"flat_{band}.fits", np.ones((44, 44), "f4"))
        content = (folder / f"G00_{band}.fits").read_bytes()
        (folder / f"short_{band}.fits").write_bytes(content[:5000])
    table = folder / "objects.csv"
    rows = [*names[:10], "flat", "gone", *names[5:], "short", "", "G03"]
    lines = [
        f"{name},{10 + place / 100},{-1 - place / 50},{16 + place / 8}" for place, name in enumerate(rows)
    ]
    table.write_text("name,ra,dec,mag\n" + "\n".join(lines) + "\n")
    return Survey(folder, rows, table)
