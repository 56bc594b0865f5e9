"""Classify in this process: the same answers as the pipeline, whatever the files hold."""

import json
import math
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from astropy.io import fits
from astropy.table import Table
from predicted_survey import NAMES, SIDE

from components.fits_example_gen.examples import build_example
from evaluation.formats.training_ranges import TrainingRanges
from preprocessing.flux_scale import FluxScale
from preprocessing.labels.reading import LabelledObject
from preprocessing.stamps import StampReader
from serving.predict.asking import Patience
from serving.predict.errors import PredictError
from serving.predict.examples import serialized_examples
from serving.predict.local import LocalClassifier
from serving.predict.session import Settings, earlier_subject, run_prediction
from serving.predict.target import Stamps, local_target, published


def predict(models, template, out, *, cube_bands=(), **changes):
    settings = replace(Settings(out, batch=4, workers=1), **changes)
    earlier_subject(settings)
    found = published(models)
    target = local_target(found, Stamps(template, cube_bands))
    return run_prediction(
        settings, target, lambda: LocalClassifier(found.path, found.version, str(found.path))
    )


def test_probabilities_are_those_of_the_pipeline(tiny, template, tmp_path):
    """The pipeline sends Examples of the ingest to serving_default."""
    predict(tiny, template, tmp_path / "out.csv")
    table = Table.read(tmp_path / "out.csv")
    reader = StampReader(template, ("I", "R", "G"), SIDE, flux_scale=FluxScale(factors={"R": 1.5}))
    examples = [
        build_example(
            LabelledObject(1, name, 0, math.nan, math.nan, math.nan, math.nan, math.nan),
            reader.read(name).planes,
            -1,
        ).SerializeToString()
        for name in NAMES
    ]
    signatures = tf.saved_model.load(str(tiny / "4")).signatures
    answers = signatures["serving_default"](examples=tf.constant(examples))
    assert list(table["name"]) == NAMES
    np.testing.assert_allclose(table["p_elliptical"], answers["p_elliptical"], atol=1e-6)
    np.testing.assert_allclose(table["p_spiral"], answers["p_spiral"], atol=1e-6)
    assert np.ptp(answers["p_elliptical"]) > 1e-4  # it tells them apart


def test_examples_made_without_tensorflow_are_examples():
    flux = np.random.default_rng(1).normal(size=(2, 40, 40, 3)).astype("f4")
    flux[0, 3, 4] = np.nan
    for one, content in zip(flux, serialized_examples(flux, ("F660", "R", "G")), strict=True):
        feature = tf.train.Example.FromString(content).features.feature
        assert set(feature) == {"flux_F660", "flux_R", "flux_G"}
        for place, band in enumerate(("F660", "R", "G")):
            (pixels,) = feature[f"flux_{band}"].bytes_list.value
            np.testing.assert_array_equal(np.frombuffer(pixels, "<f4").reshape(40, 40), one[..., place])


def test_every_row_is_in_the_table_or_the_rejects_exactly_once(tiny, template, tmp_path, write_stamp):
    Path(template.format(name="g01", band="G")).unlink()
    Path(template.format(name="g02", band="R")).write_bytes(b"\x1f\x8bdamaged")
    write_stamp("g03", "I", np.zeros((20, 20), "f4"))
    write_stamp("g04", "I", np.ones((9, 9), "f4"))
    rows = [*NAMES, "g05", "", "../g06", "never seen"]
    (tmp_path / "objects.csv").write_text("Name,x\n" + "".join(f"{name},1\n" for name in rows))
    summary, places = predict(tiny, template, tmp_path / "out.csv", table=tmp_path / "objects.csv")
    table, rejects = Table.read(places.table), Table.read(places.rejects)
    assert list(table["name"]) == ["g00", *NAMES[5:]]
    assert list(rejects["reason"]) == [
        *("missing_file", "unreadable", "constant", "too_small"),
        *("duplicate_name", "no_name", "bad_name", "missing_file"),
    ]
    assert summary.rows == len(rows) == len(table) + len(rejects)
    assert rejects.colnames == ["name", "file", "reason", "message"]
    content = json.loads(places.summary.read_text())
    assert list(content)[:8] == [
        *("rows", "classified", "rejects", "classes", "reasons", "flags", "seconds", "model"),
    ]
    assert content["reasons"]["missing_file"] == 2
    assert sum(content["classes"].values()) == content["classified"] == 6


def test_positions_come_from_the_table_and_are_compared_with_the_stamp(tiny, template, tmp_path, write_stamp):
    system = {
        "CTYPE1": "RA---TAN",
        "CTYPE2": "DEC--TAN",
        "CRPIX1": 10.5,
        "CRPIX2": 10.5,
        "CRVAL1": 10.0,
        "CRVAL2": 1.0,
        "CDELT1": -1e-4,
        "CDELT2": 1e-4,
    }
    image = np.random.default_rng(2).uniform(0, 5, (20, 20)).astype("f4")
    for band in "IRG":
        write_stamp("near", band, image, **system)
        write_stamp("far", band, image, **system)
    (tmp_path / "objects.csv").write_text(
        "name,ra,dec\nnear,00:40:00.0,+01:00:00\nfar,10.002,1.0\ng00,-9999,-9999\n"
    )
    summary, places = predict(tiny, template, tmp_path / "out.fits", table=tmp_path / "objects.csv")
    table = Table.read(places.table, mask_invalid=False)
    np.testing.assert_allclose(table["ra"], [10.0, math.nan])
    np.testing.assert_allclose(table["dec"], [1.0, math.nan])
    assert summary.reasons == {"off_stamp": 1}


def test_flags_say_what_the_reader_found(tiny, template, tmp_path, write_stamp):
    image = np.random.default_rng(2).uniform(0, 5, (20, 22)).astype("f4")
    image[8:12, 9:13] += 40
    blank, bright = image.copy(), image.copy()
    blank[:4, :4] = np.nan
    bright[8, 8] = 99
    write_stamp("g00", "R", blank)
    write_stamp("g01", "G", bright, SATURATE=50.0)
    write_stamp("g02", "I", image, FILTER="Z")
    _, places = predict(tiny, template, tmp_path / "out.csv")
    assert list(Table.read(places.table)["flags"][:4]) == [2, 4, 128, 16]  # the fourth is noise


def changed(models, folder, **entries) -> Path:
    """Return a copy of the published model that says something else of itself."""
    shutil.copytree(models / "4", folder / "4")
    file = folder / "4/assets.extra/galmorph.json"
    content = {**json.loads(file.read_text()), **entries}
    file.write_text(json.dumps({name: value for name, value in content.items() if value is not None}))
    return folder


def test_objects_beyond_the_training_galaxies_are_flagged(tiny, template, tmp_path, write_stamp):
    y, x = np.mgrid[:20, :22] - np.array([9.5, 10.5])[:, None, None]
    sky = np.random.default_rng(2).normal(0, 0.1, (10, 20, 22))
    # Flux of the sum of the bands, of which R counts 1.5 times, and half-light radius [pixels].
    for name, flux, radius in (("g00", 100, 3), ("g01", 1000, 3), ("g02", 10, 3), ("g03", 100, 1.5)):
        sigma = radius / math.sqrt(2 * math.log(2))
        galaxy = flux / 3.5 * np.exp(-(x**2 + y**2) / (2 * sigma**2)) / (2 * math.pi * sigma**2)
        for band in "IRG":
            write_stamp(name, band, (galaxy + sky[int(name[1:])]).astype("f4"))
    in_aperture = 100 * (1 - 0.5 ** (2 / 3) ** 2)  # 2 pixels of a Gaussian with a half-light radius of 3
    ranges = TrainingRanges(300, (in_aperture / 2, in_aperture * 5), (2.4, 3.6), (20, 22))
    models = changed(tiny, tmp_path / "models", **ranges.entry())
    _, places = predict(models, template, tmp_path / "out.csv")
    assert list(Table.read(places.table)["flags"][:4]) == [0, 32, 16 + 32, 32]
    old = changed(tiny, tmp_path / "old", training=None)
    _, places = predict(old, template, tmp_path / "old.csv")
    assert list(Table.read(places.table)["flags"][:4]) == [0, 0, 16, 0]


def test_compressed_stamps_and_cubes_are_read(tiny, template, tmp_path):
    _, places = predict(tiny, template, tmp_path / "plain.csv")
    planes = {name: [fits.getdata(template.format(name=name, band=band)) for band in "IRG"] for name in NAMES}
    for name in NAMES:
        (tmp_path / "cubes").mkdir(exist_ok=True)
        fits.PrimaryHDU(np.stack(planes[name][::-1])).writeto(tmp_path / "cubes" / f"{name}.fits")
        for band, plane in zip("IRG", planes[name], strict=True):
            (tmp_path / "tiles").mkdir(exist_ok=True)
            hdu = fits.CompImageHDU(plane, compression_type="GZIP_2", quantize_level=0)
            hdu.writeto(tmp_path / "tiles" / f"{name}_{band}.fits.fz")
    predict(tiny, str(tmp_path / "cubes"), tmp_path / "cubes.csv", cube_bands=("G", "R", "I"))
    predict(tiny, str(tmp_path / "tiles"), tmp_path / "tiles.csv")
    plain = Table.read(places.table)
    for other in ("cubes.csv", "tiles.csv"):
        np.testing.assert_array_equal(Table.read(tmp_path / other)["p_elliptical"], plain["p_elliptical"])


def test_a_model_of_before_is_used_by_the_defaults(tiny, template, tmp_path):
    old = tmp_path / "old" / "1"
    shutil.copytree(tiny / "4", old)
    file = old / "assets.extra" / "galmorph.json"
    content = json.loads(file.read_text())
    del content["flux"], content["limits"]
    file.write_text(json.dumps(content))
    target = local_target(published(old), Stamps(template))
    assert len(target.notices) == 1 and "flux and limits" in target.notices[0]
    assert (target.read.reader.max_blank, target.read.reader.max_offset) == (0.2, 0.25)
    assert target.read.reader.flux_scale == FluxScale()
    without = changed(tiny, tmp_path / "without", training=None)
    target = local_target(published(without), Stamps(template))
    assert target.read.training is None and "training galaxies" in target.notices[0]


def test_the_largest_offset_is_that_of_the_training(tiny, template, tmp_path):
    limits = {"max_blank": 0.2, "max_saturated": 0.05, "max_offset": 0.4, "cubes": False}
    models = changed(tiny, tmp_path / "models", limits=limits)
    assert local_target(published(models), Stamps(template)).read.reader.max_offset == 0.4


def test_a_model_of_cubes_knows_their_bands(tiny, template, tmp_path):
    limits = {"max_blank": 0.2, "max_saturated": 0.05, "cubes": True}
    cubes, files = f"{tmp_path}/{{name}}.fits", template
    known = changed(tiny, tmp_path / "known", limits={**limits, "cube_bands": ["G", "R", "F660", "I"]})
    unknown = changed(tiny, tmp_path / "unknown", limits=limits)

    def bands(models, place, *given):
        return tuple(local_target(published(models), Stamps(place, given)).read.reader.cube_bands)

    assert bands(known, cubes) == bands(known, cubes, "G", "R", "F660", "I") == ("G", "R", "F660", "I")
    assert bands(known, files) == bands(unknown, files) == ()
    assert bands(unknown, cubes, "G", "R", "I") == bands(tiny, cubes, "G", "R", "I") == ("G", "R", "I")
    assert bands(known, cubes, "I", "R", "G") == ("I", "R", "G")  # cubes of another survey
    with pytest.raises(PredictError, match="--cube-bands"):
        bands(unknown, cubes)


def test_worker_processes_change_nothing(tiny, template, tmp_path):
    predict(tiny, template, tmp_path / "one.csv")
    predict(tiny, template, tmp_path / "two.csv", workers=2, batch=3)
    one, two = (Table.read(tmp_path / f"{name}.csv") for name in ("one", "two"))
    assert list(one["name"]) == list(two["name"])
    np.testing.assert_allclose(one["p_elliptical"], two["p_elliptical"], atol=1e-6)


def test_an_existing_table_is_kept_unless_it_may_be_replaced(tiny, template, tmp_path):
    out = tmp_path / "out.csv"
    out.write_text("mine")
    with pytest.raises(PredictError, match="--overwrite replaces it"):
        predict(tiny, template, out)
    assert out.read_text() == "mine"
    predict(tiny, template, out, overwrite=True)
    with pytest.raises(PredictError, match=r"is that of out\.csv"):  # they would share their rejects
        predict(tiny, template, tmp_path / "out.fits")


def test_without_any_classified_object_there_is_no_table(tiny, template, tmp_path):
    (tmp_path / "objects.csv").write_text("name\nx\ny\n")
    out = tmp_path / "out.csv"
    with pytest.raises(PredictError, match=r"none of 2 objects .* \(2 missing_file\)"):
        predict(tiny, template, out, table=tmp_path / "objects.csv")
    assert not out.exists() and not (tmp_path / "out.csv.partial").exists()
    assert len(Table.read(tmp_path / "out.rejects.csv")) == 2
    predict(tiny, template, out)  # and nothing is in the way of a better table


class Fails:
    """A classifier that fails at its n-th request."""

    version = "4"

    def __init__(self, path, at):
        self._model, self._left = LocalClassifier(path, "4", "model"), at

    def classify(self, payload):
        self._left -= 1
        if self._left < 0:
            raise KeyboardInterrupt
        return self._model.classify(payload)

    def close(self):
        pass


def test_an_interrupted_prediction_goes_on_and_does_not_mix(tiny, template, tmp_path):
    settings = Settings(tmp_path / "out.csv", batch=3, workers=1)
    target = local_target(published(tiny), Stamps(template))
    with pytest.raises(PredictError, match="interrupted; 6 of 10 objects are done"):
        run_prediction(settings, target, lambda: Fails(tiny / "4", 2))
    journal = tmp_path / "out.csv.partial"
    assert not settings.out.exists() and journal.exists()
    journal.write_bytes(journal.read_bytes()[:-7])  # the machine stopped while it wrote a line

    other = tmp_path / "models" / "4"
    shutil.copytree(tiny / "4", other)
    with pytest.raises(PredictError, match="another model"):
        predict(other, template, settings.out)
    (tmp_path / "objects.csv").write_text("name\ng00\n")
    with pytest.raises(PredictError, match="another list of objects"):
        predict(tiny, template, settings.out, table=tmp_path / "objects.csv")
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(PredictError, match="another template of the stamps"):
        predict(tiny, template.replace("{band}_", "link/{band}_"), settings.out)

    asked = []
    found = published(tiny)

    class Counts(LocalClassifier):
        def classify(self, payload):
            asked.append(len(payload))
            return super().classify(payload)

    run_prediction(settings, target, lambda: Counts(found.path, "4", "model"))
    assert sum(asked) == 5
    predict(tiny, template, tmp_path / "whole.csv")
    assert settings.out.read_text() == (tmp_path / "whole.csv").read_text()


def test_two_predictions_do_not_write_one_table(tiny, template, tmp_path):
    from serving.predict.journal import Journal

    subject = {"model": "m"}
    journal = Journal(tmp_path / "out.csv.partial", subject)
    with pytest.raises(PredictError, match="is in use"):
        Journal(tmp_path / "out.csv.partial", subject)
    journal.close()


def test_what_is_no_journal_is_not_overwritten(tiny, template, tmp_path):
    (tmp_path / "out.csv.partial").write_text("my notes\n")
    with pytest.raises(PredictError, match="is not a journal"):
        predict(tiny, template, tmp_path / "out.csv")
    assert (tmp_path / "out.csv.partial").read_text() == "my notes\n"


def test_a_damaged_model_is_one_line(tiny, template, tmp_path):
    broken = tmp_path / "broken" / "1"
    shutil.copytree(tiny / "4", broken)
    (broken / "saved_model.pb").write_bytes(b"\x00damaged")
    with pytest.raises(PredictError, match="cannot be loaded") as caught:
        predict(broken, template, tmp_path / "out.csv")
    assert "\n" not in str(caught.value)


def test_patience_waits_longer_each_time():
    from serving.predict.asking import with_retries
    from serving.predict.errors import TemporaryError

    waits: list[float] = []

    class Stop(threading.Event):
        def wait(self, timeout=None):
            waits.append(timeout)
            return False

    def attempt():
        raise TemporaryError("busy", wait=30.0 if len(waits) == 3 else 0.0)

    with pytest.raises(TemporaryError):
        with_retries(attempt, Patience(retries=4, first_wait=1.0, longest_wait=60.0), Stop())
    assert len(waits) == 4
    for wait, least in zip(waits, (1, 2, 4, 30), strict=True):
        assert least <= wait <= least + 1
