"""The flags that follow from the flux are in the catalogue, and the model's own bands of cubes are read."""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
from astropy.io import fits
from catalog_runs import prepare, unbroken
from served import IMAGE

from catalog.session import classified
from catalog.stamps import stamps_input
from evaluation.formats.catalogue import Flag
from evaluation.formats.training_ranges import TrainingRanges
from preprocessing.measurements import measure
from preprocessing.planes import centre_cut
from serving.predict.description import Description


def changed(model: Path, folder: Path, **entries) -> Path:
    shutil.copytree(model / "3", folder / "3")
    file = folder / "3/assets.extra/galmorph.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **entries}))
    return folder


def test_flags_are_those_of_the_measured_flux(model, survey, tmp_path):
    def flux(name: str) -> np.ndarray:
        planes = [fits.getdata(survey.folder / f"{name}_{band}.fits") for band in IMAGE.bands]
        return np.stack([centre_cut(plane, IMAGE.cut) for plane in planes], axis=-1)

    good = sorted({name for name in survey.names if name.startswith("G")})
    everything = measure(np.stack([flux(name) for name in good]).astype("f4"))
    # Between two galaxies: the last digits depend on the size of a batch.
    middle = float(np.sort(everything.brightness)[len(good) // 2 :][:2].mean())
    ranges = TrainingRanges(300, (middle, 1e9), (0.0, 1e3), (44, 44))
    run = prepare(changed(model, tmp_path / "models", **ranges.entry()), survey, tmp_path / "out")
    assert not any("range of its training" in notice for notice in run.source.notices)
    found = pa.concat_tables(classified(run.settings.work, unbroken(run)))
    outside = dict(zip(good, everything.brightness < middle, strict=True))
    faint = dict(zip(good, everything.signal_to_noise < 10, strict=True))
    assert 0 < sum(outside.values()) < len(good)
    for name, flags in zip(found["name"].to_pylist(), found["flags"].to_pylist(), strict=True):
        assert bool(flags & Flag.OUTSIDE) == outside[name] and bool(flags & Flag.FAINT) == faint[name]


def test_a_model_without_ranges_is_noticed(model, survey, tmp_path):
    notices = prepare(model, survey, tmp_path / "out").source.notices
    assert any(str(int(Flag.OUTSIDE)) in notice for notice in notices)


def test_cubes_are_read_by_the_bands_that_the_model_records(model, survey, tmp_path):
    limits = {"max_blank": 0.2, "max_saturated": 0.05, "cubes": True, "cube_bands": ["G", "R", "I"]}
    models = changed(model, tmp_path / "models", limits=limits)
    description = Description.of(json.loads((models / "3/assets.extra/galmorph.json").read_text()), "-")
    for name in ("G01", "G02"):
        cube = np.stack([fits.getdata(survey.folder / f"{name}_{band}.fits") for band in "GRI"])
        fits.writeto(tmp_path / f"{name}.fits", cube)
    source = stamps_input(f"{tmp_path}/{{name}}.fits", None, description, workers=1)
    (batch,) = source.reader(source.objects, 5)
    expected = centre_cut(fits.getdata(survey.folder / "G02_I.fits"), IMAGE.cut)
    assert np.array_equal(batch.flux[1, :, :, 0], expected)
    # Cubes of another survey may have their planes in another order.
    other = stamps_input(f"{tmp_path}/{{name}}.fits", None, description, ("I", "R", "G"), workers=1)
    (batch,) = other.reader(other.objects, 5)
    assert np.array_equal(batch.flux[1, :, :, 2], expected)
