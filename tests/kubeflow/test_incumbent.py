"""Which published model is compared with, on a disk and in an object store."""

import json
from contextlib import nullcontext

import fsspec
import pytest
from object_store import BUCKET

from evaluation.formats.exported_model import METADATA_FILE
from kubeflow.incumbent import check_incumbent, find_incumbent
from kubeflow.run_parameters import NEWEST, NO_BASELINE
from pipeline.config import Settings
from pipeline.errors import InputError
from preprocessing.storage_errors import StorageError


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


def test_a_bucket_that_is_missing_is_named_before_anything_is_trained(object_store):
    assert find_incumbent(NEWEST, f"s3://{BUCKET}/models/galmorph", "mine") == {}
    with pytest.raises(StorageError, match="the bucket 'galaxy' does not exist"):
        find_incumbent(NEWEST, "s3://galaxy/models/galmorph", "mine")


def test_a_store_that_refuses_is_named_with_its_reason(object_store):
    object_store.fault = lambda request: (403, "AccessDenied")
    with pytest.raises(StorageError, match=rf"s3://{BUCKET}/models cannot be read: access is denied"):
        find_incumbent(NEWEST, f"s3://{BUCKET}/models", "mine")


@pytest.mark.parametrize(
    ("description", "message"),
    [
        (
            {"bands": ["U"], "image": {"cut": 64}},
            r"\[data\] bands: the published model \(.*1\) needs band U",
        ),
        ({"bands": ["I"], "image": {"cut": 512}}, r"\[data\] stamp_size: .* needs stamps of 512 pixels"),
        ({"bands": 3}, "galmorph.json was not written by galmorph"),
        ({"bands": ["I"], "image": {"cut": 64}}, ""),
        (None, ""),
    ],
)
def test_a_model_that_cannot_read_the_examples_is_refused_before_anything_is_trained(
    directory, description, message
):
    path = publish(directory, 1, "theirs")
    system, folder = fsspec.core.url_to_fs(path)
    if description is not None:
        system.pipe_file(f"{folder}/{METADATA_FILE}", json.dumps(description).encode())
    tables = {
        "pipeline": {"root": "/run"},
        "data": {"labels": "/l.csv", "stamps": "/{band}/{name}.fits"},
        "push": {"directory": directory},
    }
    settings, found = Settings.model_validate(tables), find_incumbent(NEWEST, directory, "mine")
    with pytest.raises(InputError, match=message) if message else nullcontext():
        check_incumbent(found, settings)
    check_incumbent({}, settings)
