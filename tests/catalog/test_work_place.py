"""An unfinished catalogue that is kept elsewhere, for workers that do not reach its folder."""

import os
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from catalog_runs import Run, prepare, unbroken
from failing_readers import Breaks, BreaksAfter

from catalog.errors import CatalogError
from catalog.finish import finish
from catalog.session import CompleteError, check_out, classified, rejected
from catalog.shipped import ship, unpacked
from catalog.store import Store
from catalog.wanted import Wanted, check_reach

REMOTE = "s3://galaxies/work"


def tables(run: Run) -> tuple[pa.Table, pa.Table]:
    store, plan = run.settings.work, unbroken(run)
    return pa.concat_tables(classified(store, plan)), pa.concat_tables(rejected(store, plan))


@pytest.fixture(scope="module")
def expected(model, survey, tmp_path_factory) -> tuple[pa.Table, pa.Table]:
    return tables(prepare(model, survey, tmp_path_factory.mktemp("expected") / "out"))


def elsewhere(model: Path, survey, out: Path, place: str, **settings) -> Run:
    """A run whose work folder is elsewhere and whose workers do not reach the model."""
    run = prepare(model, survey, out)
    run = run._replace(settings=replace(run.settings, work_place=place, **settings))
    check_out(run.settings)
    shipped = ship(run.model, run.settings.work, run.subject["model"])
    return run._replace(model=replace(shipped, path="/absent/3"))


@pytest.fixture(params=["store", "folder"])
def place(request, tmp_path) -> str:
    if request.param == "folder":
        return str(tmp_path / "elsewhere")
    request.getfixturevalue("object_store")
    return REMOTE


def test_the_table_is_the_same(model, survey, tmp_path, expected, place):
    run = elsewhere(model, survey, tmp_path / "out", place)
    assert tables(run) == expected
    assert os.listdir(tmp_path / "out" / ".work") == ["elsewhere.txt"]


def test_nothing_is_left_at_the_end_but_what_others_put_there(model, survey, tmp_path, place, about):
    other = Store(place)
    other.write("other/file", b"kept")
    run = elsewhere(model, survey, tmp_path / "out", place)
    finish(run.settings, "csv", unbroken(run), about)
    assert not (tmp_path / "out" / ".work").exists()
    assert other.read("other/file") == b"kept"
    assert not run.settings.work.names("chunks") and not run.settings.work.exists("plan.json")


@pytest.fixture
def about(model):
    from datetime import UTC, datetime

    from catalog.classifier import published_model
    from catalog.output.about import About, about_model

    return About(about_model(published_model(model)), {}, {}, [], datetime.now(UTC), 0.0, "0")


def broken(run: Run) -> None:
    """Classify three chunks, and fail."""
    with pytest.raises(Breaks):
        unbroken(run._replace(source=replace(run.source, reader=BreaksAfter(run.source.reader, 6))))


def test_an_unfinished_one_is_continued_where_it_is(model, survey, tmp_path, expected, place):
    run = elsewhere(model, survey, tmp_path / "out", place)
    broken(run)
    finished = run.settings.work.names("chunks")
    assert finished
    with pytest.raises(CatalogError, match=r"unfinished catalogue in .*out\.work; --resume"):
        check_out(run.settings)
    for wrong in ("", str(tmp_path / "third")):
        with pytest.raises(CatalogError, match=rf"whose work folder is {run.settings.work.place}"):
            check_out(replace(run.settings, work_place=wrong, existing="resume"))
    again = elsewhere(model, survey, tmp_path / "out", place, existing="resume")
    assert tables(again) == expected


def test_one_in_the_folder_is_not_begun_anew_elsewhere(model, survey, tmp_path):
    run = prepare(model, survey, tmp_path / "out")
    broken(run)
    with pytest.raises(CatalogError, match=r"whose work folder is .*/out/\.work; give the same --work"):
        elsewhere(model, survey, tmp_path / "out", str(tmp_path / "elsewhere"), existing="resume")


def test_overwrite_removes_the_unfinished_one_wherever_it_is(model, survey, tmp_path, place):
    run = elsewhere(model, survey, tmp_path / "out", place)
    broken(run)
    check_out(replace(run.settings, work_place="", existing="overwrite"))
    assert not run.settings.work.names("chunks") and not (tmp_path / "out" / ".work").exists()


def test_a_finished_catalogue_is_refused_as_ever(model, survey, tmp_path, place, about):
    run = elsewhere(model, survey, tmp_path / "out", place)
    finish(run.settings, "csv", unbroken(run), about)
    with pytest.raises(CompleteError):
        check_out(run.settings)


def test_a_place_that_cannot_be_written_is_refused_before_anything_is_read(
    model, survey, tmp_path, object_store
):
    run = prepare(model, survey, tmp_path / "out")
    with pytest.raises(CatalogError, match=r"s3://absent/work/out\.work/.* cannot be written"):
        check_out(replace(run.settings, work_place="s3://absent/work"))
    assert not (tmp_path / "out" / ".work").exists()


def test_the_model_is_copied_and_unpacked_once(model, tmp_path, survey, object_store):
    run = prepare(model, survey, tmp_path / "out")
    store = Store("s3://galaxies/once")
    spec = ship(run.model, store, "f" * 64)
    object_store.asked.clear()
    assert ship(run.model, store, "f" * 64) == spec
    assert not [asked for asked in object_store.asked if asked.startswith(("PUT", "POST"))]
    here = unpacked(spec)
    assert unpacked(spec) == here and not here.archive and here.path != run.model.path
    assert sorted(path.name for path in Path(here.path).iterdir()) == sorted(os.listdir(run.model.path))
    assert unpacked(run.model) is run.model


def test_a_damaged_or_absent_archive_is_one_line(model, tmp_path, survey):
    run = prepare(model, survey, tmp_path / "out")
    store = Store(str(tmp_path / "work"))
    spec = ship(run.model, store, "e" * 64)
    path = Path(spec.archive)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(CatalogError, match="cannot be unpacked"):
        unpacked(spec)
    path.unlink()
    with pytest.raises(CatalogError, match="is missing"):
        unpacked(spec)


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (Wanted("s/{name}_{band}.fits", None, None, None, None, None), "--stamps"),
        (Wanted(None, None, None, "fields.csv", "sources.csv", None), "--fields"),
    ],
)
def test_dataflow_needs_what_its_workers_reach(wanted, says):
    with pytest.raises(CatalogError, match=says):
        check_reach(wanted, "DataflowRunner")
    check_reach(wanted, "PortableRunner")
    check_reach(replace(wanted, stamps="s3://b/{name}_{band}.fits", fields=None), "DataflowRunner")
