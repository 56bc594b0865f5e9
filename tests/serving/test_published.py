import json

import pytest

from preprocessing.settings import ImageSettings
from serving.published import (
    ModelError,
    find_model,
    published_versions,
    restore,
    withdraw,
    withdrawn_versions,
)


def publish(folder, **changes):
    (folder / "assets.extra").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"graph")
    image = ImageSettings(cut=64, size=48)
    description = {
        "image": image.model_dump(mode="json"),
        "bands": list(image.bands),
        "uncertain": [0.25, 0.75],
        **changes,
    }
    (folder / "assets.extra" / "galmorph.json").write_text(json.dumps(description))


@pytest.fixture
def directory(tmp_path):
    for version in (1, 2, 10):
        publish(tmp_path / "models" / str(version))
    (tmp_path / "models" / ".incoming-3f").mkdir()
    (tmp_path / "models" / "notes").mkdir()
    return tmp_path / "models"


def test_the_newest_version_counts(directory):
    model = find_model(directory)
    assert (model.version, model.path) == ("10", directory / "10")
    assert (model.bands, model.image.cut, model.uncertain) == (("I", "R", "G"), 64, (0.25, 0.75))
    assert find_model(directory / "2").version == "2"


def test_a_withdrawn_version_is_not_found_and_can_be_restored(directory):
    assert withdraw(directory) == (10, 2)
    assert find_model(directory).version == "2"
    assert (published_versions(directory), withdrawn_versions(directory)) == ([1, 2], [10])
    assert withdraw(directory, 1) == (1, 2)
    restore(directory, 10)
    assert published_versions(directory) == [2, 10]
    assert withdrawn_versions(directory) == [1]


def test_the_only_version_is_not_withdrawn(directory):
    withdraw(directory)
    withdraw(directory)
    with pytest.raises(ModelError, match="version 1 is the only one"):
        withdraw(directory)
    assert published_versions(directory) == [1]


@pytest.mark.parametrize(("verb", "version"), [(withdraw, 3), (restore, 2)])
def test_unknown_versions_are_refused(directory, verb, version):
    with pytest.raises(ModelError, match=f"no (withdrawn )?version {version}"):
        verb(directory, version)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "saved_model.pb").unlink(), "no saved_model.pb"),
        (lambda folder: (folder / "assets.extra" / "galmorph.json").unlink(), "not exported by galmorph"),
        (lambda folder: (folder / "assets.extra" / "galmorph.json").write_text("{"), "damaged"),
        (lambda folder: (folder / "assets.extra" / "galmorph.json").write_text("[]"), "damaged"),
        (lambda folder: (folder / "assets.extra" / "galmorph.json").write_text("{}"), "KeyError: 'bands'"),
    ],
)
def test_damaged_models_are_refused(directory, damage, message):
    damage(directory / "10")
    with pytest.raises(ModelError, match=message):
        find_model(directory)


def test_folders_without_models_are_refused(tmp_path):
    with pytest.raises(ModelError, match=r"neither saved_model\.pb nor a published version"):
        find_model(tmp_path)
    with pytest.raises(ModelError, match="does not exist"):
        find_model(tmp_path / "absent")
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match="is not a folder"):
        find_model(tmp_path / "file")
