import numpy as np
import pytest
from astropy.io import fits
from astropy.stats import mad_std

from preprocessing.fits.files import StampError
from preprocessing.flux_scale import FluxScale
from preprocessing.stamp_paths import find_stamp, stamp_path
from preprocessing.stamps import StampReader


@pytest.fixture
def reader(tmp_path):
    def make(bands="R", side=10, **options) -> StampReader:
        template = options.pop("template", str(tmp_path / "{band}_stamps" / "{name}_{band}.fits"))
        return StampReader(template, tuple(bands), side, **options)

    return make


def reason_of(function, *args, **kwargs) -> str:
    with pytest.raises(StampError) as caught:
        function(*args, **kwargs)
    assert caught.value.message
    return caught.value.reason


def noise(shape=(40, 50), seed=0) -> np.ndarray:
    return np.random.default_rng(seed).normal(5, 2, shape).astype("f4")


def test_a_plane_is_cut_and_measured(write_stamp, reader):
    image = np.zeros((40, 50), np.float32)
    image[10:30, 15:35] = noise((20, 20))
    image[12, 17:22] = np.nan
    image[13, 17] = 1000
    write_stamp("a", "R", image, SATURATE=1000.0)
    plane = reader(side=20).read("a").planes["R"]
    cut = image[10:30, 15:35]
    assert np.array_equal(plane.flux, cut, equal_nan=True) and plane.flux.dtype == np.float32
    assert (plane.height, plane.width) == (40, 50)
    assert plane.blank == 5 / 400 and plane.saturated == 1 / 400
    assert plane.mean == pytest.approx(np.nanmean(cut), rel=1e-6)
    assert plane.noise == pytest.approx(mad_std(cut[np.isfinite(cut)][::3]), rel=0.03)
    assert plane.noise == pytest.approx(2, rel=0.15)


def test_planes_that_are_no_use(write_stamp, reader):
    blank = noise((10, 10))
    blank[:5] = np.nan
    hole = noise((10, 10))
    hole[3:7, 3:7] = np.nan
    burnt = noise((10, 10))
    burnt[2:8, 2:8] = 500
    images = {
        "too_blank": (blank, {}),
        "off_stamp": (hole, {}),
        "too_saturated": (burnt, {"SATURATE": 500.0}),
        "constant": (np.full((10, 10), 7.0), {}),
        "too_small": (noise((9, 12)), {}),
    }
    for reason, (image, header) in images.items():
        write_stamp(reason, "R", image, **header)
        assert reason_of(reader().read, reason) == reason
    write_stamp("nothing", "R", np.full((10, 10), np.nan, "f4"))
    assert reason_of(reader(max_blank=0.9).read, "nothing") == "too_blank"
    assert reader(max_saturated=0.4).read("too_saturated").planes["R"].saturated == 0.36
    assert reader(max_blank=0.5).read("too_blank").planes["R"].blank == 0.5


def test_huge_pixels_are_not_taken_for_blank_ones(write_stamp, reader):
    image = np.full((10, 10), 3e38, "f4")
    image[0, 0] = 1
    write_stamp("a", "R", image)
    plane = reader().read("a").planes["R"]
    assert plane.blank == 0 and plane.flux.max() == np.float32(3e38)


WCS = {
    "CTYPE1": "RA---TAN",
    "CTYPE2": "DEC--TAN",
    "CRPIX1": 25.5,
    "CRPIX2": 20.5,
    "CRVAL1": 150.0,
    "CRVAL2": 2.0,
    "CD1_1": -0.55 / 3600,
    "CD2_2": 0.55 / 3600,
}


def test_an_object_off_its_stamp_is_a_reject(write_stamp, reader):
    write_stamp("a", "R", noise(), **WCS)
    arcsec = 1 / 3600
    assert reader().read("a", 150.0, 2.0).planes
    assert reader().read("a", 150.0, 2.0 + 0.55 * 2.4 * arcsec).planes
    assert reason_of(reader().read, "a", 150.0, 2.0 + 0.55 * 2.6 * arcsec) == "off_stamp"
    assert reader(max_offset=0.5).read("a", 150.0, 2.0 + 0.55 * 2.6 * arcsec).planes
    assert reason_of(reader().read, "a", 330.0, -2.0) == "off_stamp"
    assert reader().read("a").planes, "without a position there is nothing to compare"


def test_a_system_is_that_of_the_stamp_alone(tmp_path, reader):
    """It is not mixed with that of the primary header, which is used as a whole if INHERIT = T."""
    template = str(tmp_path / "{name}_{band}.fits")
    elsewhere = WCS | {"CRVAL1": 10.0, "CRPIX1": 900.0}
    own = {key: value for key, value in WCS.items() if not key.startswith("CD")}
    own |= {"CDELT1": -0.55 / 3600, "CDELT2": 0.55 / 3600}
    cases = {  # of the extension: its cards, and whether (150, 2) and (10, 2) lie on it
        "own": (own, True, False),
        "inherited": ({"INHERIT": True}, False, False),
        "forbidden": ({"INHERIT": False}, True, True),
        "unsaid": ({}, True, True),
        "begun": ({"INHERIT": True, "CRPIX1": 5.0}, True, True),
    }
    for name, (cards, here, there) in cases.items():
        primary = fits.PrimaryHDU(header=fits.Header(elsewhere))
        hdus = [primary, fits.ImageHDU(noise(), fits.Header(cards))]
        fits.HDUList(hdus).writeto(tmp_path / f"{name}_R.fits")
        for ra, expected in ((150.0, here), (10.0, there)):
            try:
                found = bool(reader(template=template).read(name, ra, 2.0).planes)
            except StampError as error:
                assert error.reason == "off_stamp"
                found = False
            assert found == expected, (name, ra)


def test_keywords_are_inherited_unless_that_is_forbidden(tmp_path, reader):
    template = str(tmp_path / "{name}_{band}.fits")
    for inherit, outcome in ((None, "R"), (True, "R"), (False, "no_zero_point")):
        primary = fits.PrimaryHDU(header=fits.Header({"MAGZERO": 22.5}))
        image = fits.ImageHDU(noise(), fits.Header({} if inherit is None else {"INHERIT": inherit}))
        fits.HDUList([primary, image]).writeto(tmp_path / "a_R.fits", overwrite=True)
        read = reader(template=template, flux_scale=FluxScale(zero_points="header")).read
        assert (
            reason_of(read, "a") if outcome == "no_zero_point" else next(iter(read("a").planes))
        ) == outcome


def test_an_impossible_saturation_is_a_reject_unless_it_is_not_needed(write_stamp, reader):
    path = write_stamp("a", "R", noise(), SATURATE=-999.0)
    with pytest.raises(StampError, match=r"SATURATE = -999\.0 ") as caught:
        reader().read("a")
    assert caught.value.reason == "bad_saturation" and caught.value.path == str(path)
    assert reader(max_saturated=1.0).read("a").planes["R"].saturated == 0


@pytest.mark.parametrize("fill", [0.0, -9999.0, 1e30])
@pytest.mark.parametrize("background", ["none", "sigma_clip"])
def test_areas_of_one_number_are_blank(write_stamp, reader, fill, background):
    image = noise((40, 40)) + 100
    image[:, :13] = fill
    path = write_stamp("a", "R", image, SATURATE=1e5)
    flux_scale = FluxScale(background=background)
    stamp = reader(side=40, max_blank=0.4, flux_scale=flux_scale).read("a")
    plane = stamp.planes["R"]
    assert plane.blank == 13 / 40 and plane.filled == (np.float32(fill),) and plane.saturated == 0
    assert np.isnan(plane.flux[:, :13]).all() and np.isfinite(plane.flux[:, 13:]).all()
    assert plane.mean == pytest.approx(105 if background == "none" else 0, abs=0.5)
    assert [(warning.code, warning.path) for warning in stamp.warnings] == [("filled_area", str(path))]
    with pytest.raises(StampError, match=r"32.5% of the pixels are blank \(.* fills areas") as caught:
        reader(side=40, flux_scale=flux_scale).read("a")
    assert caught.value.reason == "too_blank"
    assert reader(side=10).read("a").planes["R"].blank == 0, "the area lies beyond the cut"


def test_an_internal_error_is_one_reject_with_its_traceback_in_the_log(
    write_stamp, reader, monkeypatch, caplog
):
    path = write_stamp("a", "R", noise(), **WCS)

    def fail(*_):
        raise ZeroDivisionError("boom")

    monkeypatch.setattr("preprocessing.stamps.pixel_of", fail)
    with pytest.raises(StampError, match="ZeroDivisionError: boom") as caught:
        reader().read("a", 150.0, 2.0)
    assert caught.value.reason == "internal_error" and caught.value.path == str(path)
    assert "Traceback" in caplog.text and "boom" in caplog.text and "a, " in caplog.text
    monkeypatch.setattr("preprocessing.fits.reading.read_scanned", fail)
    assert reader().read("a").planes, "astropy reads what the fast reader fails on"


def test_flux_of_all_bands_comes_to_one_scale(write_stamp, reader):
    for band, scale in (("R", 1e-10), ("Z", 1e5)):
        write_stamp("a", band, (noise() * scale).astype("f4"), MAGZERO=20 + 2.5 * np.log10(scale))
    plain = reader("RZ").read("a").planes
    assert plain["Z"].mean / plain["R"].mean == pytest.approx(1e15, rel=1e-4)
    for flux_scale in (
        FluxScale(factors={"R": 1e10, "Z": 1e-5}),
        FluxScale(zero_points={"R": 0.0, "Z": 37.5}, reference_zero_point=25.0),
        FluxScale(zero_points="header", reference_zero_point=20.0),
    ):
        planes = reader("RZ", flux_scale=flux_scale).read("a").planes
        assert planes["R"].mean == pytest.approx(noise()[15:25, 20:30].mean(), rel=1e-5)
        assert planes["Z"].mean == pytest.approx(planes["R"].mean, rel=1e-5)
    write_stamp("b", "R", noise())
    assert reason_of(reader(flux_scale=FluxScale(zero_points="header")).read, "b") == "no_zero_point"


def test_a_sky_pedestal_is_taken_off(write_stamp, reader):
    image = noise() + 1100
    image[18:22, 23:27] += 500
    write_stamp("a", "R", image)
    flux = reader(flux_scale=FluxScale(background="sigma_clip")).read("a").planes["R"].flux
    assert np.array_equal(flux, image[15:25, 20:30] - np.float32(1105) + (flux[0, 0] - image[15, 20] + 1105))
    assert np.median(flux) == pytest.approx(0, abs=0.7)


def test_odd_stamps_are_used_and_noted(write_stamp, reader):
    path = write_stamp("a", "R", noise(), FILTER="g")
    write_stamp("a", "Z", noise((30, 30)), FILTER="z")
    stamp = reader("RZ").read("a")
    assert stamp.planes["R"].flux.shape == stamp.planes["Z"].flux.shape == (10, 10)
    assert {(warning.code, warning.path) for warning in stamp.warnings} == {
        ("band_contradicted", str(path)),
        ("sizes_differ", str(path)),
    }
    write_stamp("b", "R", noise(), FILTER="clear")
    assert not reader().read("b").warnings


def test_a_cube_holds_all_bands(tmp_path, reader):
    cube = noise((3, 40, 50))
    fits.PrimaryHDU(cube).writeto(tmp_path / "a.fits")
    template = str(tmp_path / "{name}.fits")
    planes = reader("IG", template=template, cube_bands=("G", "R", "I")).read("a").planes
    assert list(planes) == ["I", "G"]
    assert np.array_equal(planes["I"].flux, cube[2, 15:25, 20:30])
    assert np.array_equal(planes["G"].flux, cube[0, 15:25, 20:30])
    assert reason_of(reader("G", template=template, cube_bands=("G", "R")).read, "a") == "wrong_planes"


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "..", ".", "", "a/b", "a\0b", "a\\b"])
def test_names_cannot_leave_the_folder(name, reader):
    assert reason_of(stamp_path, "stamps/{name}_{band}.fits", name, "R") == "bad_name"
    assert reason_of(reader().read, name) == "bad_name"
    assert reason_of(reader(template="{name}.fits", cube_bands="R").read, name) == "bad_name"


def test_other_braces_in_names_and_templates_stay():
    assert str(stamp_path("s/{x}/{band}/{name}.fits", "a{band}$(rm)", "R")) == "s/{x}/R/a{band}$(rm).fits"


@pytest.mark.parametrize("spelling", ["F660", "J0660", "0660", "660", "j0660"])
def test_files_are_found_under_any_spelling_of_the_band(tmp_path, spelling):
    template = str(tmp_path / "{band}" / "{name}-{band}.fits")
    (tmp_path / spelling).mkdir()
    path = tmp_path / spelling / f"SPLUS.s-1_a.griz-{spelling}.fits"
    path.touch()
    for _ in range(2):  # the second time by memory of the first
        assert find_stamp(template, "SPLUS.s-1_a.griz", "F660") == path
    assert find_stamp(template, "other", "F660") == tmp_path / "F660" / "other-F660.fits"


def test_real_stamps_of_two_surveys(real_data):
    template = str(real_data / "kids-stamps" / "{band}_stamps" / "{name}_{band}.fits")
    reader = StampReader(template, ("G", "R", "I"), 64, flux_scale=FluxScale(factors={"G": 1e10}))
    planes = reader.read("KIDS001").planes
    image = fits.getdata(real_data / "kids-stamps" / "G_stamps" / "KIDS001_G.fits")
    height, width = image.shape
    cut = image[(height - 64) // 2 :, (width - 64) // 2 :][:64, :64]
    assert np.array_equal(planes["G"].flux, (cut * np.float64(1e10)).astype("f4"))
    corpus = StampReader(
        str(real_data / "fits-corpus" / "{name}_{band}_wrong_filter_keyword.fits.bz2"), ("I", "R", "G"), 128
    )
    stamp = corpus.read("ngc6976")
    contradicted = {warning.path for warning in stamp.warnings if warning.code == "band_contradicted"}
    assert len(contradicted) == 2, "the header of all three says g"
