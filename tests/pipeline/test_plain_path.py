import os

import pytest

from pipeline import plain_path as module
from pipeline.errors import InputError
from pipeline.plain_path import plain_path


def test_plain_folders_stay(tmp_path):
    folder = tmp_path / "run (2) 100% #1 é {a,b}"
    folder.mkdir()
    with plain_path(folder) as path:
        assert path == folder


@pytest.mark.parametrize("name", ["run [v1]", "a*b", "what?", "]", "back\\slash"])
def test_other_folders_get_the_same_link_each_time_and_it_is_removed(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    links = []
    for _ in range(2):
        with plain_path(folder) as path:
            assert not set(str(path)) & set("[]*?\\") and os.path.samefile(path, folder)
            links.append(path)
        assert not path.is_symlink() and folder.is_dir()
    assert links[0] == links[1]
    links[0].symlink_to(tmp_path)  # left behind by a run that was killed
    with plain_path(folder) as path:
        assert os.path.samefile(path, folder)


def test_a_folder_of_another_user_is_not_trusted(tmp_path, monkeypatch):
    folder = tmp_path / "run [v1]"
    folder.mkdir()
    monkeypatch.setattr(module, "_PLACES", (str(tmp_path),))
    (tmp_path / f"galmorph-{os.getuid()}").symlink_to(tmp_path)
    with pytest.raises(InputError, match="choose another root"), plain_path(folder):
        pass
