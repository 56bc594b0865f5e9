"""The verb `inspect`."""

import json

import pytest
from inspected_survey import quick_render, write_table
from typer.testing import CliRunner

import report.inspection.look
from pipeline.cli import app
from pipeline.errors import InputError


class QuickRenderer:
    """A renderer without TensorFlow."""

    def __enter__(self):
        return quick_render

    def __exit__(self, *_):
        pass


@pytest.fixture
def configured(survey_folder, monkeypatch):
    monkeypatch.setattr(report.inspection.look, "Renderer", QuickRenderer)
    path = survey_folder / "survey.toml"
    path.write_text(
        '[pipeline]\nroot = "run"\n'
        '[data]\nlabels = "labels.csv"\nstamps = "{band}_stamps/{name}_{band}.fits"\n'
        '[image]\ncut = 16\nsize = 32\n[model]\nbackbone = "EfficientNetLite0"\n'
        '[push]\ndirectory = "models"\n'
    )
    return path


def invoke(*arguments):
    return CliRunner().invoke(app, ["inspect", *map(str, arguments)], catch_exceptions=True)


def test_it_prints_a_summary_and_writes_the_page(configured):
    result = invoke(configured, "--objects", 2)
    assert result.exit_code == 0, result.output
    assert "35: 20 spiral, 12 elliptical, 3 uncertain" in result.output
    assert "could start" in result.output and "\x1b" not in result.output
    folder = configured.parent / "run" / "inspection"
    assert str(folder / "index.html") in result.output
    assert len(json.loads((folder / "inspect.json").read_text())["shown"]) == 6


def test_a_test_split_that_is_too_small_for_the_gate(configured):
    assert "min_galaxies" in invoke(configured, "--objects", 1).output
    assert "min_galaxies" not in invoke(configured, "--objects", 1, "--set", "gate.min_galaxies=1").output


def test_options_and_overrides(configured, tmp_path):
    result = invoke(
        configured, "--out", tmp_path / "there", "--seed", 3, "--workers", 1, "--set", "image.cut=20"
    )
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "there" / "inspect.json").read_text())["stamp_size"] == 20


def test_a_run_that_would_not_start_leaves_a_page_and_an_error(configured):
    result = invoke(configured, "--set", "image.rgb=ZRG")
    assert isinstance(result.exception, InputError)
    assert str(result.exception).startswith("a run would not start: Band Z has no files")
    assert (configured.parent / "run" / "inspection" / "index.html").is_file()


def test_weights_that_cannot_be_had_are_found(configured):
    result = invoke(configured, "--set", "model.weights=absent.h5")
    assert isinstance(result.exception, InputError) and "absent.h5" in str(result.exception)
    page = (configured.parent / "run" / "inspection" / "index.html").read_text()
    assert 'class="stop"' in page and "absent.h5" in page


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("data.labels=nowhere.csv", "[data] labels: "),
        ("image.cut=3", "[image] cut = 3"),
        ("image.rgb=IRX", "IRX"),
    ],
)
def test_bad_input_is_one_line(configured, setting, message):
    result = invoke(configured, "--set", setting)
    assert isinstance(result.exception, InputError)
    assert message in str(result.exception) and "\n" not in str(result.exception)
    assert not (configured.parent / "run" / "inspection" / "index.html").exists()


def test_a_table_of_another_kind(configured):
    (configured.parent / "labels.csv").write_text("a,b\n1,2\n")
    result = invoke(configured)
    assert isinstance(result.exception, InputError) and "[data] labels: " in str(result.exception)
    write_table(configured.parent / "labels.csv", [("[bold]", "spiral", 1, 1, 1)])
    assert isinstance(invoke(configured).exception, InputError)
