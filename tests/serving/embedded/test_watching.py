import json
import shutil
from pathlib import Path

import grpc
import pytest
from tensorflow_serving.apis.get_model_status_pb2 import ModelVersionStatus

from preprocessing.settings import ImageSettings
from serving.embedded.errors import ServingError
from serving.embedded.watching import Versions
from serving.published import ModelError, restore, withdraw

AVAILABLE, END = ModelVersionStatus.AVAILABLE, ModelVersionStatus.END


class Loaded:
    def __init__(self, folder: Path, number: int) -> None:
        self.number = number
        self.content = (folder / "saved_model.pb").read_bytes()
        if self.content == b"broken":
            raise ValueError("the graph is damaged")


def publish(folder, content=b"graph"):
    (folder / "assets.extra").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(content)
    image = ImageSettings(cut=64, size=48)
    description = {"image": image.model_dump(mode="json"), "bands": "IRG", "uncertain": [0.25, 0.75]}
    (folder / "assets.extra" / "galmorph.json").write_text(json.dumps(description))


@pytest.fixture
def models(tmp_path):
    for number in (1, 2, 10):
        publish(tmp_path / "models" / str(number))
    return tmp_path / "models"


def numbers(versions):
    return [version.number for version in versions._served]


def watch(models, **settings):
    loads = []

    def load(folder, number):
        loads.append(number)
        return Loaded(folder, number)

    return Versions(models, load=load, **settings), loads


def test_the_newest_is_served_and_only_it_is_loaded(models):
    versions, loads = watch(models)
    versions.poll()
    assert (numbers(versions), loads) == ([10], [10])
    assert versions.find().number == versions.find(10).number == versions.find(label="stable").number == 10
    with pytest.raises(ServingError, match=r"Specific.galmorph, 2.; served: 10") as refused:
        versions.find(2)
    assert refused.value.code is grpc.StatusCode.NOT_FOUND


def test_a_new_version_replaces_the_old_one(models):
    versions, loads = watch(models)
    publish(models / "11")
    versions.poll()
    assert (numbers(versions), loads) == ([11], [10, 11])
    states = {number: state.state for number, state in versions.states.items()}
    assert states == {11: AVAILABLE, 10: END}


def test_the_old_version_serves_while_the_new_one_is_loaded(models):
    served = []

    def load(folder, number):
        if number == 11:
            served.extend([versions.find().number, versions.states[11].state])
        return Loaded(folder, number)

    versions = Versions(models, load=load)
    publish(models / "11")
    versions.poll()
    assert served == [10, ModelVersionStatus.LOADING] and versions.find().number == 11


def test_a_broken_version_is_reported_once_and_the_old_one_goes_on(models):
    versions, loads = watch(models)
    publish(models / "11", b"broken")
    versions.poll()
    versions.poll()
    assert (numbers(versions), loads) == ([10], [10, 11])
    state = versions.states[11]
    assert (state.state, state.message) == (END, "the graph is damaged")
    assert versions.states[10].state == AVAILABLE
    (models / "11" / "saved_model.pb").write_bytes(b"mended")
    versions.poll()
    assert numbers(versions) == [11] and versions.states[11].state == AVAILABLE


def test_a_server_that_starts_on_broken_versions_falls_back(models):
    publish(models / "11", b"broken")
    (models / "12").mkdir()  # without any file
    versions, loads = watch(models)
    assert (numbers(versions), loads) == ([10], [12, 11, 10])
    assert versions.states[12].state == END and "saved_model.pb" in versions.states[12].message


def test_a_withdrawn_version_makes_room_for_the_one_before(models):
    versions, loads = watch(models)
    withdraw(models)
    versions.poll()
    assert (numbers(versions), loads) == ([2], [10, 2])
    restore(models, 10)
    versions.poll()
    assert (numbers(versions), loads) == ([10], [10, 2, 10])


def test_a_version_that_was_published_anew_under_its_number_is_loaded(models):
    versions, _ = watch(models)
    shutil.rmtree(models / "10")
    publish(models / "10", b"another graph")
    versions.poll()
    assert versions.find().content == b"another graph"


def test_a_served_version_outlives_its_folder(models):
    versions, _ = watch(models)
    (models / "10" / "saved_model.pb").write_bytes(b"broken")
    versions.poll()
    assert versions.find().content == b"graph" and versions.states[10].state == AVAILABLE
    shutil.rmtree(models)
    versions.poll()
    assert versions.find().number == 10
    models.mkdir()
    versions.poll()
    assert versions.find().number == 10


def test_two_versions_are_stable_and_canary(models):
    versions, _ = watch(models, served=2)
    assert numbers(versions) == [10, 2]
    assert versions.find(label="stable").number == 2 and versions.find(label="canary").number == 10
    assert versions.find().number == 10 and versions.find(2).number == 2
    publish(models / "11")
    versions.poll()
    assert versions.find(label="stable").number == 10 and versions.find(label="canary").number == 11
    with pytest.raises(ServingError, match="best; there are stable and canary"):
        versions.find(label="best")


def test_the_folder_of_one_version_is_served_alone(models):
    versions, _ = watch(models / "2")
    publish(models / "11")
    versions.poll()
    assert numbers(versions) == [2]
    (models / "2").rename(models / "mine")
    assert numbers(watch(models / "mine")[0]) == [1]


def test_nothing_to_serve_is_an_error_that_names_the_reason(tmp_path):
    with pytest.raises(ModelError, match="does not exist"):
        watch(tmp_path / "models")
    publish(tmp_path / "models" / "3", b"broken")
    with pytest.raises(ModelError, match="version 3: the graph is damaged"):
        watch(tmp_path / "models")
