import io

import numpy as np
import pytest
import tensorflow as tf
from astropy.io import fits
from astropy.visualization import make_lupton_rgb

from evaluation.calibration import with_temperature
from preprocessing.picture import make_picture
from preprocessing.settings import ImageSettings
from trainer.head import Head, with_heads
from trainer.model import build_classifier, feature_extractor
from trainer.settings import ModelSettings
from trainer.signatures import export_model, morphology

IMAGE = ImageSettings(cut=40, size=32)
CHUNK = 64
TINY = ModelSettings(backbone="TinyConv", weights="none")


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    model = build_classifier(TINY, image_size=32, seed=1)
    path = tmp_path_factory.mktemp("model")
    export_model([model], path, image=IMAGE, uncertain=(0.25, 0.75), chunk=CHUNK)
    return model, tf.saved_model.load(str(path)).signatures


def galaxies(count: int) -> np.ndarray:
    random = np.random.default_rng(count)
    y, x = np.mgrid[:44, :44] - 21.5
    widths = random.uniform(10, 200, (count, 1, 1, 1))
    return (np.exp(-(x**2 + y**2)[..., None] / widths) * random.uniform(1, 50, (count, 1, 1, 3))).astype("f4")


@pytest.mark.parametrize("count", [1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 2])
def test_chunks_change_nothing(exported, count):
    model, signatures = exported
    flux = galaxies(count)
    answers = signatures["classify_flux"](flux=tf.constant(flux))
    direct = model.predict(make_picture(flux, IMAGE).numpy().astype("f4"), verbose=0)[:, 0]
    assert answers["p_elliptical"].shape == (count,)
    np.testing.assert_allclose(answers["p_elliptical"], direct, atol=1e-6)
    np.testing.assert_allclose(answers["p_elliptical"] + answers["p_spiral"], 1, atol=1e-6)


def test_the_model_sees_astropys_picture(tmp_path):
    model = build_classifier(TINY, image_size=40, seed=2)
    export_model([model], tmp_path, image=ImageSettings(cut=40, size=40), uncertain=(0.25, 0.75))
    flux = galaxies(6)
    answers = tf.saved_model.load(str(tmp_path)).signatures["classify_flux"](flux=tf.constant(flux))
    pictures = [
        make_lupton_rgb(*np.moveaxis(one[2:42, 2:42], -1, 0), minimum=0, stretch=3, Q=8) for one in flux
    ]
    direct = model.predict(np.stack(pictures).astype("f4"), verbose=0)[:, 0]
    np.testing.assert_allclose(answers["p_elliptical"], direct, atol=5e-3)  # a grey level here and there


@pytest.mark.parametrize("signature", ["classify_flux", "serving_default"])
def test_a_galaxy_without_signal_gets_nan(exported, signature):
    flux = galaxies(8)
    flux[1], flux[3], flux[5] = np.nan, 0.0, 2.5
    flux[6, :, :20] = np.nan
    if signature == "classify_flux":
        answers = exported[1][signature](flux=tf.constant(flux))
    else:
        records = []
        for one in flux:
            example = tf.train.Example()
            for place, band in enumerate(IMAGE.bands):
                plane = example.features.feature[f"flux_{band}"].bytes_list
                plane.value.append(one[..., place].astype("<f4").tobytes())
            records.append(example.SerializeToString())
        answers = exported[1][signature](examples=tf.constant(records))
    nothing = np.isin(np.arange(8), (1, 3, 5))
    for name in ("p_elliptical", "p_spiral"):
        assert np.array_equal(np.isnan(answers[name]), nothing)
    assert all(word == b"uncertain" for word in answers["morphology"].numpy()[nothing])


def fits_of(planes: np.ndarray, **header) -> list[bytes]:
    """One FITS file for each band of a galaxy (H, W, 3)."""
    files = [io.BytesIO() for _ in IMAGE.bands]
    for file, plane in zip(files, np.moveaxis(planes, -1, 0), strict=True):
        fits.PrimaryHDU(np.ascontiguousarray(plane), fits.Header(header)).writeto(file)
    return [file.getvalue() for file in files]


@pytest.mark.parametrize("count", [1, CHUNK, CHUNK + 3])
def test_files_give_the_answers_of_their_flux(exported, count):
    flux = galaxies(count) + np.random.default_rng(1).normal(0, 0.01, (count, 44, 44, 3)).astype("f4")
    answers = exported[1]["classify_flux"](flux=tf.constant(flux))
    # Stamps of several sizes: the model cuts the same centre out.
    padded = [np.pad(one, [(turn % 3,) * 2] * 2 + [(0, 0)], "edge") for turn, one in enumerate(flux)]
    files = tf.constant([fits_of(one) for one in padded])
    again = exported[1]["classify_fits"](fits=files)
    assert set(again) == set(answers)
    np.testing.assert_allclose(again["p_elliptical"], answers["p_elliptical"], atol=1e-6)
    assert np.array_equal(again["morphology"], answers["morphology"])


def test_files_get_the_flux_scale_of_the_training_stamps(tmp_path):
    model = build_classifier(TINY, image_size=32, seed=1)
    rules = {
        "background": "none",
        "zero_points": "header",
        "reference_zero_point": 22.5,
        "flux_factors": {"R": 2},
    }
    limits = {"max_blank": 0.1, "max_saturated": 0.5, "cubes": False}
    export_model([model], tmp_path, image=IMAGE, uncertain=(0.25, 0.75), flux=rules, limits=limits)
    signatures = tf.saved_model.load(str(tmp_path)).signatures
    flux = galaxies(3)
    files = [fits_of(one / [0.1, 0.2, 0.1], MAGZERO=25.0) for one in flux]
    again = signatures["classify_fits"](fits=tf.constant(files))
    answers = signatures["classify_flux"](flux=tf.constant(flux))
    np.testing.assert_allclose(again["p_elliptical"], answers["p_elliptical"], atol=1e-5)
    flux[1, :, :8] = np.nan
    files[1] = fits_of(flux[1], MAGZERO=25.0)
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"object 1, band I: 15.0% of the pixels are blank"
    ):
        signatures["classify_fits"](fits=tf.constant(files))


def test_a_bad_file_is_named_by_its_place_in_the_request(exported):
    files = [fits_of(one) for one in galaxies(CHUNK + 5)]
    files[CHUNK + 2][1] = b"no FITS"
    with pytest.raises(tf.errors.InvalidArgumentError, match=rf"object {CHUNK + 2}, band R: not a FITS file"):
        exported[1]["classify_fits"](fits=tf.constant(files))


def test_no_files_give_no_answers(exported):
    answers = exported[1]["classify_fits"](fits=tf.constant([], tf.string, shape=(0, 3)))
    assert answers["p_elliptical"].shape == (0,) and answers["morphology"].shape == (0,)


def test_examples_that_lack_a_band_are_refused(exported):
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"flux_[IRG].*required"):
        exported[1]["serving_default"](examples=tf.constant([tf.train.Example().SerializeToString()]))


def test_the_uncertain_interval_is_closed_and_takes_what_is_no_number():
    p = tf.constant([0.0, 0.2499, 0.25, 0.5, 0.75, 0.7501, 1.0, np.nan], tf.float32)
    words = [word.decode() for word in morphology(p, (0.25, 0.75)).numpy()]
    assert words == ["spiral"] * 2 + ["uncertain"] * 3 + ["elliptical"] * 2 + ["uncertain"]


def test_an_average_over_symmetries_needs_no_keras_to_be_loaded(tmp_path):
    members = [build_classifier(TINY, image_size=32, seed=seed) for seed in (1, 2)]
    export_model(members, tmp_path, image=IMAGE, uncertain=(0.25, 0.75), views=8)
    signature = tf.saved_model.load(str(tmp_path)).signatures["classify_flux"]
    flux = galaxies(3)
    answers = signature(flux=tf.constant(flux))["p_elliptical"]
    np.testing.assert_allclose(answers, signature(flux=tf.constant(flux[:, ::-1]))["p_elliptical"], atol=1e-6)
    np.testing.assert_allclose(
        answers, signature(flux=tf.constant(flux.transpose(0, 2, 1, 3)))["p_elliptical"], atol=1e-6
    )


@pytest.mark.parametrize("views", [1, 8])
def test_a_description_has_every_model_and_the_features_of_the_first(tmp_path, views):
    members = [build_classifier(TINY, image_size=32, seed=seed) for seed in (1, 2, 3)]
    export_model(
        members, tmp_path, image=IMAGE, uncertain=(0.25, 0.75), views=views, temperature=1.7, chunk=4
    )
    signatures = tf.saved_model.load(str(tmp_path)).signatures
    flux = galaxies(9)
    flux[4] = 2.5
    found = {name: value.numpy() for name, value in signatures["describe_flux"](flux=flux).items()}
    same = {name: value.numpy() for name, value in signatures["classify_flux"](flux=flux).items()}
    assert set(found) - set(same) == {"p_elliptical_models", "embedding"}
    for name, values in same.items():
        assert np.array_equal(values, found[name], equal_nan=values.dtype.kind == "f")
    assert found["p_elliptical_models"].shape == (9, 3) and found["embedding"].shape == (9, 64)
    assert found["embedding"].dtype == found["p_elliptical_models"].dtype == np.float32
    shown = np.delete(np.arange(9), 4)
    assert np.isnan(found["p_elliptical_models"][4]).all() and np.isnan(found["p_elliptical"][4])
    pictures = make_picture(flux, IMAGE).numpy().astype("f4")
    turned = [
        np.rot90(side, turn, axes=(1, 2)) for side in (pictures, pictures[:, :, ::-1]) for turn in range(4)
    ]
    for number, member in enumerate(members):
        p = np.mean([member(each) for each in turned[:views]], axis=0)[:, 0]
        np.testing.assert_allclose(
            found["p_elliptical_models"][shown, number], with_temperature(p, 1.7)[shown], atol=1e-5
        )
    features = np.mean([feature_extractor(members[0])(each) for each in turned[:views]], axis=0)
    np.testing.assert_allclose(found["embedding"], features, atol=1e-4)
    mean = found["p_elliptical_models"].mean(axis=1)
    np.testing.assert_allclose(found["p_elliptical"], mean, atol=1e-6)


def test_heads_on_one_backbone_are_described_one_by_one(tmp_path):
    model = build_classifier(TINY, image_size=32, seed=1)
    random = np.random.default_rng(0)
    heads = [Head(random.normal(0, 1, 64).astype("f4"), float(place)) for place in range(4)]
    export_model([with_heads(model, heads)], tmp_path, image=IMAGE, uncertain=(0.25, 0.75))
    answers = tf.saved_model.load(str(tmp_path)).signatures["describe_flux"](flux=galaxies(3))
    pictures = make_picture(galaxies(3), IMAGE).numpy().astype("f4")
    features = np.asarray(feature_extractor(model)(pictures))
    expected = np.stack([head.probabilities(features[:, None]) for head in heads], axis=1)
    np.testing.assert_allclose(answers["p_elliptical_models"], expected, atol=1e-5)
    np.testing.assert_allclose(answers["embedding"], features, atol=1e-5)


def test_no_flux_gives_an_empty_description(exported):
    answers = exported[1]["describe_flux"](flux=tf.zeros((0, 40, 40, 3)))
    assert answers["embedding"].shape == (0, 64) and answers["p_elliptical_models"].shape == (0, 1)
