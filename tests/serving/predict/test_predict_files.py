"""Names of objects from the names of files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.predict.errors import PredictError
from serving.predict.files import names_in, template_of

BANDS = ("I", "R", "G")


def touch(folder, *paths):
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()


@pytest.mark.parametrize(
    "layout",
    [
        "{name}_{band}.fits",
        "{band}_stamps/{name}_{band}.fits",
        "{band}/{name}_{band}.fits.fz",
        "{band}/{name}.fits.gz",
        "{name}_{band}.fit",
    ],
)
def test_a_folder_is_recognised(layout, tmp_path):
    for name in ("a", "b_1.x", "NGC 7"):
        touch(tmp_path, *(layout.format(name=name, band=band) for band in (*BANDS, "U")))
    touch(tmp_path, "labels.csv", "notes/README")
    template = template_of(str(tmp_path), BANDS, cubes=False)
    assert template == f"{tmp_path}/{layout}"
    assert names_in(template, BANDS) == ["NGC 7", "a", "b_1.x"]


def test_an_object_needs_one_band_to_be_named(tmp_path):
    touch(tmp_path, "a_I.fits", "b_g.fits", "c_U.fits", "d_R.fits", "d_I.fits")
    assert names_in(f"{tmp_path}/{{name}}_{{band}}.fits", BANDS) == ["a", "b", "d"]


def test_other_spellings_of_bands_count(tmp_path):
    touch(tmp_path, "a_J0660.fits", "b_660.fits", "c_F660.fits")
    assert names_in(f"{tmp_path}/{{name}}_{{band}}.fits", ("F660",)) == ["a", "b", "c"]


def test_wildcards_in_the_template_are_letters(tmp_path):
    folder = tmp_path / "run[1]*"
    touch(folder, "a_I.fits")
    touch(tmp_path / "run1x", "b_I.fits")
    assert names_in(f"{folder}/{{name}}_{{band}}.fits", BANDS) == ["a"]


def test_a_name_in_two_places_is_one_name(tmp_path):
    touch(tmp_path, "a/a_I.fits", "b/c_I.fits")
    assert names_in(f"{tmp_path}/{{name}}/{{name}}_{{band}}.fits", BANDS) == ["a"]


@given(st.from_regex(r"[A-Za-z0-9_.\-+ ]{1,12}", fullmatch=True).filter(lambda name: name.strip(".")))
def test_every_name_is_found_again(tmp_path_factory, name):
    folder = tmp_path_factory.mktemp("names")
    touch(folder, f"x{name}_R.fits")
    assert names_in(f"{folder}/x{{name}}_{{band}}.fits", BANDS) == [name]


@pytest.mark.parametrize(
    ("stamps", "words"),
    [
        ("nowhere", "does not exist"),
        ("file", "is not a folder"),
        ("empty", "no files like"),
        ("mixed", "of several kinds"),
        ("empty/{band}.fits", "does not contain {name}"),
        ("empty/{name}.fits", "--cube-bands"),
    ],
)
def test_what_is_no_template_is_refused(stamps, words, tmp_path):
    touch(tmp_path, "file", "mixed/a_I.fits", "mixed/b_I.fits.fz")
    (tmp_path / "empty").mkdir()
    with pytest.raises(PredictError, match=words.replace("{", "\\{")):
        template_of(str(tmp_path / stamps), BANDS, cubes=False)


def test_cubes_are_named_without_band(tmp_path):
    touch(tmp_path, "a.fits", "b.fits")
    template = template_of(str(tmp_path), BANDS, cubes=True)
    assert names_in(template, BANDS) == ["a", "b"]
    with pytest.raises(PredictError, match="--cube-bands is set"):
        template_of(f"{tmp_path}/{{name}}_{{band}}.fits", BANDS, cubes=True)
