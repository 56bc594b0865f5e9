"""Which published model is compared with, on a disk and in an object store."""

import json

import fsspec
import pytest

from kubeflow.incumbent import find_incumbent
from kubeflow.run_parameters import NEWEST, NO_BASELINE
from pipeline.errors import InputError


@pytest.fixture(params=["disk", "store"])
def directory(request, tmp_path):
    return str(tmp_path / "models") if request.param == "disk" else f"memory://{tmp_path.name}/models"


def publish(directory: str, version: object, candidate: str | None, graph: bytes = b"graph") -> str:
    system, folder = fsspec.core.url_to_fs(directory)
    path = f"{folder}/{version}"
    system.makedirs(f"{path}/assets.extra", exist_ok=True)
    system.pipe_file(f"{path}/saved_model.pb", graph)
    if candidate is not None:
        system.pipe_file(f"{path}/assets.extra/origin.json", json.dumps({"candidate": candidate}).encode())
    return f"{directory}/{version}"


def test_nothing_is_published_yet(directory):
    assert find_incumbent(NEWEST, directory, "mine") == {}


def test_the_newest_that_is_not_the_candidate_itself(directory):
    publish(directory, 2, "theirs")
    older = find_incumbent(NEWEST, directory, "mine")
    assert older["path"] == f"{directory}/2"
    publish(directory, 10, "mine")
    publish(directory, "withdrawn-11", "theirs")
    assert find_incumbent(NEWEST, directory, "mine") == older
    assert find_incumbent(NEWEST, directory, "another")["path"] == f"{directory}/10"


def test_versions_of_before_count_and_incomplete_ones_do_not(directory):
    publish(directory, 1, None)
    system, folder = fsspec.core.url_to_fs(directory)
    system.makedirs(f"{folder}/2/variables", exist_ok=True)
    system.pipe_file(f"{folder}/2/variables/data", b"")
    assert find_incumbent(NEWEST, directory, "mine")["path"] == f"{directory}/1"


def test_another_content_under_the_same_number_is_another_state(directory):
    publish(directory, 1, "theirs")
    before = find_incumbent(NEWEST, directory, "mine")
    publish(directory, 1, "theirs", graph=b"another")
    after = find_incumbent(NEWEST, directory, "mine")
    assert before["path"] == after["path"] and before["state"] != after["state"]


def test_a_version_can_be_named_or_left_out(directory):
    first = publish(directory, 1, "mine")
    publish(directory, 2, "theirs")
    assert find_incumbent(first, directory, "mine")["path"] == first
    assert find_incumbent(NO_BASELINE, directory, "mine") == {}
    with pytest.raises(InputError, match="is no published model"):
        find_incumbent(directory, directory, "mine")
