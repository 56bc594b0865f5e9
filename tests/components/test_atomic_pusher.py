import threading

import pytest

from components.atomic_pusher.executor import publish_model, published_versions


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
