"""Stamps and tables of `galmorph predict` in an object store."""

import numpy as np
import pytest
from astropy.io import fits
from object_store import BUCKET
from predicted_survey import NAMES, SIDE

from preprocessing.locations import location
from preprocessing.stamps import StampReader
from preprocessing.storage_errors import StorageError
from serving.predict.errors import PredictError
from serving.predict.files import names_in, template_of
from serving.predict.objects import objects_of_names, read_objects
from serving.predict.reading import FilesOfStamps, FluxOfStamps, read_batches

BANDS = ("I", "R", "G")


@pytest.fixture
def survey(tmp_path, object_store):
    noise = np.random.default_rng(0)
    for name in NAMES:
        for band in BANDS:
            path = tmp_path / f"{band}_stamps" / f"{name}_{band}.fits"
            path.parent.mkdir(exist_ok=True)
            fits.PrimaryHDU(noise.normal(size=(20, 20)).astype("f4")).writeto(path)
    (tmp_path / "R_stamps" / f"{NAMES[3]}_R.fits").unlink()
    (tmp_path / "G_stamps" / f"{NAMES[4]}_G.fits").write_text("no FITS")
    object_store.upload(tmp_path, "survey/")
    object_store.asked.clear()
    return tmp_path


def test_a_folder_is_recognised_and_its_objects_named(survey, object_store):
    for folder in (f"s3://{BUCKET}/survey", f"s3://{BUCKET}/survey/"):
        template = template_of(folder, BANDS, cubes=False)
        assert template == f"s3://{BUCKET}/survey/{{band}}_stamps/{{name}}_{{band}}.fits"
        assert names_in(template, BANDS) == NAMES
    assert len(object_store.asked) < 30, "folders are listed, not asked for each file"
    flat = object_store.put("flat/a_1.x_R.fits", b"").removesuffix("a_1.x_R.fits")
    assert names_in(template_of(flat, BANDS, cubes=False), BANDS) == ["a_1.x"]


@pytest.mark.parametrize(
    "stamps", ["http://host/{name}_{band}", "s3://galaxies/nothing", "s3://k:s@b/{name}{band}"]
)
def test_what_cannot_be_used(object_store, stamps):
    with pytest.raises(PredictError) as refused:
        template_of(stamps, BANDS, cubes=False)
    assert "--stamps" in str(refused.value) and "k:s@" not in str(refused.value)


@pytest.mark.parametrize(("kind", "workers"), [("flux", 1), ("flux", 2), ("files", 1)])
def test_batches_are_those_of_a_disk(survey, kind, workers):
    def batches(place: str) -> list:
        template = f"{place}/{{band}}_stamps/{{name}}_{{band}}.fits"
        flux = kind == "flux"
        read = FluxOfStamps(StampReader(template, BANDS, SIDE)) if flux else FilesOfStamps(template, BANDS)
        objects = objects_of_names([*NAMES, "absent"])
        found = []
        for batch in read_batches(objects, read, first=0, size=4, workers=workers):
            rejects = {
                row: (reject.file.removeprefix(place), reject.reason, reject.message)
                for row, reject in batch.rejects.items()
            }
            payload = batch.payload.values.tobytes() if flux else batch.payload.contents
            found.append((batch.rows, rejects, batch.good, payload, batch.flags))
        return found

    assert batches(f"s3://{BUCKET}/survey") == batches(str(survey))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_store_that_cannot_be_read_ends_the_prediction(survey, object_store, workers):
    object_store.fault = lambda environ: (403, "AccessDenied")
    read = FluxOfStamps(StampReader(f"s3://{BUCKET}/{{name}}_{{band}}.fits", BANDS, SIDE))
    with pytest.raises(StorageError, match="access is denied"):
        list(read_batches(objects_of_names(NAMES), read, first=0, size=4, workers=workers))


def test_a_table_of_objects(object_store):
    uri = object_store.put("objects.csv", b"name,ra,dec\na,1,2\nb,3,4\n")
    assert list(read_objects(location(uri)).names) == ["a", "b"]
