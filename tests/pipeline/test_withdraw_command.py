import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.errors import InputError


@pytest.fixture
def models(tmp_path):
    for version in (1, 2, 3):
        (tmp_path / "models" / str(version)).mkdir(parents=True)
    return tmp_path / "models"


def call(*words):
    result = CliRunner().invoke(app, ["withdraw", *map(str, words)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def folders(models):
    return sorted(path.name for path in models.iterdir())


def test_the_newest_version_is_withdrawn_and_restored(models):
    result = call(models)
    assert result.exit_code == 0 and folders(models) == ["1", "2", "withdrawn-3"]
    assert "version 3" in result.output and "--restore 3" in result.output and "version 2" in result.output
    assert call(models, "--restore", 3).exit_code == 0
    assert folders(models) == ["1", "2", "3"]


def test_a_version_can_be_named(models):
    call(models, "--version", 1)
    assert folders(models) == ["2", "3", "withdrawn-1"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--version", 9], "no version 9; there are 1, 2, 3"),
        (["--restore", 2], "no withdrawn version 2"),
        (["--version", 1, "--restore", 2], "exclude each other"),
    ],
)
def test_what_cannot_be_done_is_bad_input(models, options, says):
    with pytest.raises(InputError, match=says):
        call(models, *options)
    assert folders(models) == ["1", "2", "3"]


def test_a_folder_that_is_not_there_is_bad_input(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        call(tmp_path / "models")


def test_the_last_version_stays(models):
    call(models)
    call(models)
    with pytest.raises(InputError, match="the only one"):
        call(models)
