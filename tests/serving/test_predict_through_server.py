"""`galmorph predict` through the embedded server, as a user runs both."""

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from served import BANDS, galaxies, publish, serving

COMMAND = Path(sys.executable).with_name("galmorph")


def predict(model: object, folder: Path, out: str) -> list[dict[str, str]]:
    stamps = folder / "{band}_stamps" / "{name}_{band}.fits"
    words = [COMMAND, "predict", model, "--stamps", stamps, "--out", folder / out]
    result = subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    with open(folder / out, newline="") as table:
        return list(csv.DictReader(table))


@pytest.mark.slow
def test_a_server_and_this_process_give_the_same_table(tmp_path):
    publish(tmp_path / "models" / "3", seed=1)
    flux = galaxies(7)
    for number, galaxy in enumerate(flux):
        for place, band in enumerate(BANDS):
            file = tmp_path / f"{band}_stamps" / f"g{number}_{band}.fits"
            file.parent.mkdir(exist_ok=True)
            # Every other one compressed, which the graph of the model does not read.
            hdu = (fits.CompImageHDU, fits.PrimaryHDU)[number % 2](np.ascontiguousarray(galaxy[..., place]))
            hdu.writeto(file)
    (tmp_path / f"{BANDS[0]}_stamps" / f"g2_{BANDS[0]}.fits").write_bytes(b"no FITS")
    here = predict(tmp_path / "models", tmp_path, "here.csv")
    with serving(tmp_path / "models", "--embedded") as server:
        over_rest = predict(server.model, tmp_path, "rest.csv")
    assert [row["name"] for row in over_rest] == [f"g{number}" for number in range(7) if number != 2]
    assert {row["model_version"] for row in over_rest} == {"3"}
    for one, other in zip(here, over_rest, strict=True):
        assert float(one["p_elliptical"]) == pytest.approx(float(other["p_elliptical"]), abs=1e-6)
        assert all(one[name] == other[name] for name in ("name", "morphology", "flags"))
