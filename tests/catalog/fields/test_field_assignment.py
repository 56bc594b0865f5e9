import warnings

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from field_survey import SCALE, header
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.fields import assignment
from catalog.fields.assignment import Assignment
from catalog.fields.frames import Frame, Unusable, _circle
from preprocessing.fits.world import SkySystem

SHAPE = (300, 400)


def frame(cards: fits.Header, name: str = "F", unusable: bool = False) -> Frame:
    text = cards.tostring(sep="", endcard=False, padding=False).encode()
    x, y = np.meshgrid(np.linspace(-0.5, SHAPE[1] - 0.5, 5), np.linspace(-0.5, SHAPE[0] - 0.5, 5))
    centre, radius = _circle(*SkySystem(text).positions(x.ravel(), y.ravel()))
    fault = Unusable("missing_band", "", "no G") if unusable else None
    return Frame(name, {}, SHAPE, text, centre, radius, fault)


def by_astropy(cards: fits.Header, ra, dec) -> tuple[np.ndarray, np.ndarray]:
    """Return pixels by the interface that users call; NaN for the other half of the sky."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        system = WCS(cards)
        place = SkyCoord(ra, dec, unit="deg")
        x, y = system.world_to_pixel(place)
        centre = system.pixel_to_world(SHAPE[1] / 2, SHAPE[0] / 2).icrs
    return np.where(place.separation(centre).deg < 5, (x, y), np.nan)


def expected(headers, ra, dec) -> list[list[tuple[int, int, int]]]:
    """Return the fields in which each source lies with the nearest pixels, deepest first, one by one."""
    found = []
    places = [by_astropy(cards, ra, dec) for cards in headers]
    for row in range(len(ra)):
        inside = []
        for index, (x, y) in enumerate(places):
            depth = min(x[row] + 0.5, SHAPE[1] - 0.5 - x[row], y[row] + 0.5, SHAPE[0] - 0.5 - y[row])
            if depth > 0:
                inside.append((-depth, index, int(np.floor(x[row] + 0.5)), int(np.floor(y[row] + 0.5))))
        found.append([(index, x, y) for _, index, x, y in sorted(inside)])
    return found


def found_places(places) -> list[list[tuple[int, int, int]]]:
    result = []
    for row, field in enumerate(places.field.tolist()):
        others = places.others[places.offsets[row] : places.offsets[row + 1]]
        first = [(field, int(places.x[row]), int(places.y[row]))] if field >= 0 else []
        result.append([*first, *(tuple(other) for other in others.tolist())])
    return result


@settings(max_examples=25)
@given(
    ra=st.sampled_from([0.0, 0.003, 359.998, 123.4]),
    dec=st.sampled_from([0.0, 45.0, 89.995, -89.99, -90.0]),
    offsets=st.lists(st.tuples(st.floats(-0.05, 0.05), st.floats(0, 360)), min_size=1, max_size=6),
    seed=st.integers(0, 99),
)
def test_the_deepest_field_comes_first_anywhere_on_the_sky(ra, dec, offsets, seed):
    headers = []
    for distance, angle in offsets:
        middle = SkyCoord(ra, dec, unit="deg").directional_offset_by(angle * 1.0 * _DEG, distance * _DEG)
        headers.append(header(middle.ra.deg, middle.dec.deg, SHAPE, angle=angle))
    random = np.random.default_rng(seed)
    around = SkyCoord(ra, dec, unit="deg").directional_offset_by(
        random.uniform(0, 360, 60) * _DEG, random.uniform(0, 0.08, 60) * _DEG
    )
    found = Assignment([frame(cards) for cards in headers]).of_positions(around.ra.deg, around.dec.deg)
    reference = expected(headers, around.ra.deg, around.dec.deg)
    assert found.usable.all()
    for mine, other in zip(found_places(found), reference, strict=True):
        assert mine == other[: 1 + assignment.MOST_ALTERNATIVES]


_DEG = SkyCoord(0, 0, unit="deg").ra.unit


TPV = {"CTYPE1": "RA---TPV", "CTYPE2": "DEC--TPV", "PV1_1": 1.0, "PV1_7": 0.02, "PV2_1": 1.0, "PV2_7": 0.02}
SIP = {"CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP", "A_ORDER": 2, "B_ORDER": 2}


@pytest.mark.parametrize(
    "changes",
    [
        {"RADESYS": "FK5", "EQUINOX": 2000.0},
        {"RADESYS": "FK4", "EQUINOX": 1950.0},
        {"CTYPE1": "GLON-TAN", "CTYPE2": "GLAT-TAN"},
        TPV,
        {**SIP, "A_2_0": 1e-5, "B_0_2": 1e-5},
        {"CTYPE1": "RA---ZPN", "CTYPE2": "DEC--ZPN", "PV2_1": 1.0, "PV2_3": 42.0},
        {"CTYPE1": "RA---CAR", "CTYPE2": "DEC--CAR"},
    ],
    ids=["FK5", "FK4", "galactic", "TPV", "SIP", "ZPN", "CAR"],
)
def test_systems_that_surveys_use(changes):
    cards = header(150, 2, SHAPE, **changes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        middle = WCS(cards).pixel_to_world(SHAPE[1] / 2, SHAPE[0] / 2).icrs
    random = np.random.default_rng(0)
    around = middle.directional_offset_by(
        random.uniform(0, 360, 300) * _DEG, random.uniform(0, 0.06, 300) * _DEG
    )
    ra, dec = around.ra.deg, around.dec.deg
    found = Assignment([frame(cards)]).of_positions(ra, dec)
    reference = expected([cards], ra, dec)
    assert 50 < sum(map(bool, reference)) < 300
    assert found_places(found) == reference


def test_swapped_axes():
    plain = header(150, 2, SHAPE)
    swapped = plain.copy()
    swapped["CTYPE1"], swapped["CTYPE2"] = plain["CTYPE2"], plain["CTYPE1"]
    swapped["CRVAL1"], swapped["CRVAL2"] = plain["CRVAL2"], plain["CRVAL1"]
    found = Assignment([frame(swapped)]).of_positions(np.array([150.001]), np.array([2.0001]))
    # The first axis is declination.
    x, y = SHAPE[1] / 2 - 0.5 - 0.0001 / SCALE, SHAPE[0] / 2 - 0.5 + 0.001 * np.cos(np.radians(2)) / SCALE
    assert (found.x[0], found.y[0]) == (np.floor(x + 0.5), np.floor(y + 0.5))


def test_far_off_a_distorted_field_nothing_is_found():
    # Of the polynomial, which has no inverse there, the iteration may end on the image.
    cards = header(150, 2, SHAPE, CTYPE1="RA---TAN-SIP", CTYPE2="DEC--TAN-SIP",
                   A_ORDER=3, B_ORDER=3, A_3_0=-4e-6, B_0_3=-4e-6)  # fmt: skip
    system = SkySystem(cards.tostring(sep="", endcard=False, padding=False).encode())
    random = np.random.default_rng(0)
    ra, dec = 150 + random.uniform(-3, 3, 500), 2 + random.uniform(-3, 3, 500)
    x, y = system.pixels(ra, dec)
    inside = (x > -0.5) & (x < SHAPE[1] - 0.5) & (y > -0.5) & (y < SHAPE[0] - 0.5)
    back = SkyCoord(*system.positions(x[inside], y[inside]), unit="deg")
    there = SkyCoord(ra[inside], dec[inside], unit="deg")
    assert (back.separation(there).arcsec < 0.01).all()
    # A gnomonic projection has a pixel for the opposite side of the sky, too.
    for each in (cards, header(150, 2, SHAPE)):
        assert Assignment([frame(each)]).of_positions(np.array([330.0]), np.array([-2.0])).field[0] == -1


def test_distortions_for_which_the_usual_iteration_fails():
    # With fixed-point iteration, half of the pixels would be off the field (astropy issues 3203 and 4761).
    cards = header(150, 2, SHAPE, **SIP | {"A_ORDER": 3, "B_ORDER": 3, "A_3_0": 2e-5, "B_0_3": 2e-5})
    system = SkySystem(cards.tostring(sep="", endcard=False, padding=False).encode())
    x, y = np.random.default_rng(0).uniform(0, 1, (2, 300)) * np.array([[SHAPE[1]], [SHAPE[0]]])
    found = system.pixels(*system.positions(x, y))
    assert np.hypot(found[0] - x, found[1] - y).max() < 0.01


def test_nothing_is_printed_of_sip_terms_without_suffix(capfd):
    cards = header(150, 2, SHAPE, A_ORDER=2, B_ORDER=2, A_2_0=1e-5, B_0_2=1e-5)
    assert len(Assignment([frame(cards)]).of_positions(np.array([150.0]), np.array([2.0])).x) == 1
    assert capfd.readouterr() == ("", "")


def test_a_usable_field_comes_before_a_deeper_one_that_is_not():
    headers = [header(150, 2, SHAPE), header(150, 2, SHAPE, shift=100)]
    frames = [frame(headers[0], unusable=True), frame(headers[1])]
    found = Assignment(frames).of_positions(np.array([150.0, 150.026]), np.array([2.0, 2.0]))
    assert found.field.tolist() == [1, 1] and found.usable.all() and not len(found.others)
    found = Assignment(frames[:1]).of_positions(np.array([150.0, 10.0]), np.array([2.0, 2.0]))
    assert found.field.tolist() == [0, -1] and found.usable.tolist() == [False, True]


def test_blocks_are_joined_in_order(monkeypatch):
    headers = [header(150, 2, SHAPE), header(150, 2, SHAPE, shift=100), header(150.05, 2, SHAPE)]
    frames = [frame(cards) for cards in headers]
    random = np.random.default_rng(0)
    ra, dec = 150 + random.uniform(-0.1, 0.1, 100), 2 + random.uniform(-0.05, 0.05, 100)
    whole = found_places(Assignment(frames).of_positions(ra, dec))
    monkeypatch.setattr(assignment, "BLOCK", 7)
    assert found_places(Assignment(frames).of_positions(ra, dec)) == whole
    assert any(len(places) > 1 for places in whole) and any(not places for places in whole)
