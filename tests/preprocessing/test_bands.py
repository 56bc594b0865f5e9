import pytest

from preprocessing.bands import BANDS, RGB_PRESETS, band_name, rgb_bands


@pytest.mark.parametrize("spelling", ["F660", "J0660", "0660", "660", "f660", "j660", " J0660 "])
def test_narrow_bands_have_several_spellings(spelling):
    assert band_name(spelling) == "F660"


@pytest.mark.parametrize("band", BANDS)
def test_every_name_names_itself(band):
    assert band_name(band) == band


@pytest.mark.parametrize("spelling", ["", "X", "F999", "RR", "06600"])
def test_unknown_bands_are_refused_by_name(spelling):
    with pytest.raises(ValueError, match="unknown band"):
        band_name(spelling)


def test_presets_are_those_of_the_design():
    assert RGB_PRESETS == {
        "IRG": ("I", "R", "G"),
        "IGU": ("I", "G", "U"),
        "ZRG": ("Z", "R", "G"),
        "R660G": ("R", "F660", "G"),
    }


@pytest.mark.parametrize(
    ("rgb", "bands"),
    [
        ("irg", ("I", "R", "G")),
        ("ZIR", ("Z", "I", "R")),
        ("R-J0660-G", ("R", "F660", "G")),
        ("R, 660, G", ("R", "F660", "G")),
        (["Z", "F861", "U"], ("Z", "F861", "U")),
    ],
)
def test_pictures_of_any_three_bands(rgb, bands):
    assert rgb_bands(rgb) == bands


@pytest.mark.parametrize(
    ("rgb", "message"), [("IR", "three bands"), ("IIG", "twice"), ("IRX", "unknown band")]
)
def test_pictures_that_cannot_be(rgb, message):
    with pytest.raises(ValueError, match=message):
        rgb_bands(rgb)
