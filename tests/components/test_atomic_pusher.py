import shutil
import threading

import fsspec
import pytest
from object_store import BUCKET
from tfx.types.standard_artifacts import InfraBlessing, Model, ModelBlessing, PushedModel

from components.artifacts import ModelCard
from components.atomic_pusher import publish
from components.atomic_pusher.executor import Executor
from components.atomic_pusher.publish import PublicationError, publish_model, upload_model
from serving.published import published_versions, withdraw

STORE = fsspec.filesystem("memory")
"""Stands for an object store."""


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "variables" / "data").write_bytes(b"weights")
    return folder


def test_versions_are_consecutive_and_whole(model, tmp_path):
    directory = tmp_path / "published"
    (directory / "notes").mkdir(parents=True)
    assert [publish_model(model, directory).name for _ in range(3)] == ["1", "2", "3"]
    assert published_versions(directory) == [1, 2, 3]
    assert (directory / "2" / "variables" / "data").read_bytes() == b"weights"
    assert sorted(path.name for path in directory.iterdir()) == ["1", "2", "3", "notes"]


def test_the_number_of_a_withdrawn_version_is_not_given_again(model, tmp_path):
    directory = tmp_path / "published"
    for _ in range(2):
        publish_model(model, directory)
    assert withdraw(directory) == (2, 1)
    assert publish_model(model, directory).name == "3"
    assert published_versions(directory) == [1, 3]


def test_a_failed_copy_leaves_nothing(model, tmp_path):
    (model / "variables" / "broken").symlink_to(tmp_path / "nowhere")
    with pytest.raises(Exception, match="No such file"):
        publish_model(model, tmp_path / "published")
    assert list((tmp_path / "published").iterdir()) == []


def test_two_pushes_at_once_take_two_numbers(model, tmp_path):
    threads = [threading.Thread(target=publish_model, args=(model, tmp_path / "p")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert published_versions(tmp_path / "p") == list(range(1, 9))


def push(model, tmp_path, blessed: bool, directory: str = "", served: bool | None = None) -> PushedModel:
    """Run the executor as TFX does."""
    trained, blessing, pushed = Model(), ModelBlessing(), PushedModel()
    trained.uri, pushed.uri = str(tmp_path / "trained"), str(tmp_path / "pushed")
    card = ModelCard()
    card.uri = str(tmp_path / "card")
    (tmp_path / "card").mkdir()
    (tmp_path / "card" / "model_card.md").write_text("# Card")
    shutil.copytree(model, tmp_path / "trained" / "Format-Serving")
    blessing.set_int_custom_property("blessed", int(blessed))
    served_blessing = InfraBlessing()
    served_blessing.uri = str(tmp_path / "infra")
    served_blessing.set_int_custom_property("blessed", int(bool(served)))
    Executor().Do(
        {
            "model": [trained],
            "model_blessing": [blessing],
            "model_card": [card],
            **({} if served is None else {"infra_blessing": [served_blessing]}),
        },
        {"pushed_model": [pushed]},
        {"directory": directory or str(tmp_path / "published")},
    )
    return pushed


def test_a_blessed_model_is_pushed(model, tmp_path):
    pushed = push(model, tmp_path, blessed=True)
    assert published_versions(tmp_path / "published") == [1]
    assert pushed.get_string_custom_property("pushed_version") == "1"
    assert pushed.get_string_custom_property("pushed_destination") == str(tmp_path / "published" / "1")
    assert (tmp_path / "pushed" / "saved_model.pb").is_file()
    assert (tmp_path / "published" / "1" / "assets.extra" / "model_card.md").read_text() == "# Card"


def test_a_model_that_a_server_has_tried_is_pushed(model, tmp_path):
    push(model, tmp_path, blessed=True, served=True)
    assert published_versions(tmp_path / "published") == [1]


@pytest.mark.parametrize(("blessed", "served"), [(False, None), (True, False), (False, True)])
@pytest.mark.parametrize("directory", ["", "memory://refused"])
def test_a_refused_model_is_not(model, tmp_path, directory, blessed, served):
    pushed = push(model, tmp_path, blessed=blessed, directory=directory, served=served)
    assert not (tmp_path / "published").exists() and not STORE.exists("/refused")
    assert pushed.get_int_custom_property("pushed") == 0
    # Kubeflow's launcher uploads no empty folder.
    assert (tmp_path / "pushed" / "NOT_PUSHED").is_file()


def test_an_object_store_gets_model_and_card(model, tmp_path):
    (model / "assets.extra").mkdir()
    (model / "assets.extra" / "galmorph.json").write_text("{}")
    pushed = push(model, tmp_path, blessed=True, directory="memory://bucket/models")
    assert pushed.get_string_custom_property("pushed_destination") == "memory://bucket/models/1"
    assert pushed.get_string_custom_property("pushed_version") == "1"
    extra = {"assets.extra/galmorph.json", "assets.extra/model_card.md"}
    found = {path.removeprefix("/bucket/models/1/") for path in STORE.find("/bucket/models/1")}
    assert found == {"saved_model.pb", "variables/data", *extra}
    assert STORE.cat("/bucket/models/1/assets.extra/model_card.md") == b"# Card"
    assert (tmp_path / "pushed" / "saved_model.pb").is_file()


def test_versions_in_an_object_store_are_consecutive_and_end_with_the_saved_model(model, tmp_path):
    card = tmp_path / "card"
    card.mkdir()
    (card / "model_card.md").write_text("# Card")
    STORE.makedirs("/several/models/withdrawn-4")
    assert upload_model(model, "memory://several/models/", extra=card) == "memory://several/models/5"
    assert upload_model(model, "memory://several/models", extra=card) == "memory://several/models/6"
    times = {path: STORE.created(path) for path in STORE.find("/several/models/6")}
    assert max(times, key=times.get).endswith("/saved_model.pb")


def test_two_uploads_at_once_take_two_numbers(model, tmp_path, monkeypatch):
    card = tmp_path / "card"
    card.mkdir()
    (card / "model_card.md").write_text("# Card")
    upload_model(model, "memory://both/models", extra=card)
    # The other run has listed the folder before the first file of version 1 was there.
    monkeypatch.setattr(publish, "_numbers", lambda *_: iter(()))
    assert upload_model(model, "memory://both/models", extra=card) == "memory://both/models/2"


def test_s3_numbers_versions_and_says_why_it_does_not_take_one(model, tmp_path, object_store, monkeypatch):
    card = tmp_path / "card"
    card.mkdir()
    (card / "model_card.md").write_text("# Card")
    directory = f"s3://{BUCKET}/models/galmorph"
    assert upload_model(model, f"{directory}/", extra=card) == f"{directory}/1"
    # The other run has listed the folder before the first file of version 1 was there.
    monkeypatch.setattr(publish, "_numbers", lambda *_: iter(()))
    assert upload_model(model, directory, extra=card) == f"{directory}/2"
    puts = [asked for asked in object_store.asked if asked.startswith("PUT") and "/galmorph/2/" in asked]
    assert puts[-1].startswith(f"PUT /{BUCKET}/models/galmorph/2/saved_model.pb")
    object_store.fault = lambda asked: (403, "AccessDenied") if asked["REQUEST_METHOD"] == "PUT" else None
    with pytest.raises(PublicationError, match=f"{directory}: the model cannot be published: "):
        upload_model(model, directory, extra=card)
