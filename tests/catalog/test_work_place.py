"""An unfinished catalogue that is kept elsewhere, for workers that do not reach its folder."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from catalog_runs import Run, prepare, unbroken
from failing_readers import Breaks, BreaksAfter

from catalog.engine import Engine
from catalog.errors import CatalogError
from catalog.finish import finish
from catalog.place import CompleteError, check_out
from catalog.plan import objects_of, read_plan
from catalog.session import classified, rejected
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
    with pytest.raises(CatalogError, match=r"unfinished catalogue; --resume"):
        check_out(run.settings)
    for wrong in ("", str(tmp_path / "third")):
        with pytest.raises(CatalogError, match=rf"whose work folder is {run.settings.work.place}"):
            check_out(replace(run.settings, work_place=wrong, existing="resume"))
    again = elsewhere(model, survey, tmp_path / "out", place, existing="resume")
    assert again.settings.marker.exists("elsewhere.txt")  # it stays if the input cannot be read
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
    with pytest.raises(CatalogError, match=r"^--work s3://absent/work: s3://absent/work/out\.work/.* cannot"):
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
    with pytest.raises(CatalogError, match="zip cannot be read"):
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
        check_reach(wanted, Engine("DataflowRunner"))
    check_reach(wanted, Engine("PortableRunner"))
    check_reach(replace(wanted, stamps="s3://b/{name}_{band}.fits", fields=None), Engine("DataflowRunner"))


def test_only_our_own_objects_are_removed(model, survey, tmp_path, object_store, about):
    """Brackets, asterisks and question marks are characters, not patterns."""
    kept = [
        object_store.put(f"work/{key}", b"kept")
        for key in ("run1.work/chunks/00000000.parquet", "run[1].workshop/plan.json", "run[1].work.json")
    ]
    run = elsewhere(model, survey, tmp_path / "run[1]", REMOTE)
    finish(run.settings, "csv", unbroken(run), about)
    keys = [entry["Key"] for entry in object_store.client.list_objects_v2(Bucket="galaxies")["Contents"]]
    assert sorted(f"s3://galaxies/{key}" for key in keys) == sorted(kept)


@pytest.mark.parametrize("existing", ["refuse", "resume", "overwrite"])
def test_a_folder_with_other_files_is_refused_and_kept(model, survey, tmp_path, place, existing):
    other = Store(f"{place}/out.work")
    other.write("thesis/chapter1.tex", b"mine")
    with pytest.raises(CatalogError, match="holds other files, such as thesis"):
        elsewhere(model, survey, tmp_path / "out", place, existing=existing)
    assert other.read("thesis/chapter1.tex") == b"mine"


def test_that_of_another_catalogue_of_the_same_name_is_refused(model, survey, tmp_path, expected, place):
    run = elsewhere(model, survey, tmp_path / "a" / "out", place)
    broken(run)
    for existing in ("refuse", "overwrite"):
        with pytest.raises(CatalogError, match=rf"unfinished catalogue of --out {tmp_path}/a/out"):
            elsewhere(model, survey, tmp_path / "b" / "out", place, existing=existing)
    # A new machine may go on with it, if it is told to.
    assert tables(elsewhere(model, survey, tmp_path / "b" / "out", place, existing="resume")) == expected


@pytest.mark.parametrize(
    ("out", "work"), [("o", "o"), ("o", "o/tmp"), ("a.work/a", "."), ("o", "o/../o"), ("x/k.work/y/k", "x")]
)
def test_folders_that_lie_in_each_other_are_refused(model, survey, tmp_path, out, work):
    with pytest.raises(CatalogError, match="lie in each other"):
        elsewhere(model, survey, tmp_path / out, f"{tmp_path}/{work}")


def test_chunks_are_found_wherever_they_are(model, survey, tmp_path, place):
    """A command with --work that has done nothing, then one without."""
    run = elsewhere(model, survey, tmp_path / "out", place)
    run.settings.marker.write("elsewhere.txt", run.settings.work.place.encode())
    run.settings.work.write("plan.json", b"{}")
    plain = run._replace(
        settings=replace(run.settings, work_place=""), model=prepare(model, survey, tmp_path).model
    )
    check_out(plain.settings)
    assert not run.settings.work.exists("plan.json")
    broken(plain)
    assert not plain.settings.marker.exists("elsewhere.txt")
    with pytest.raises(CatalogError, match=r"whose work folder is .*/out/\.work"):
        elsewhere(model, survey, tmp_path / "out", place, existing="resume")


def test_a_copy_that_was_interrupted_does_not_look_whole(model, survey, tmp_path, place, monkeypatch):
    import zipfile

    run = prepare(model, survey, tmp_path / "out")
    store, write = Store(place), zipfile.ZipFile.write

    def interrupted(self, filename, *arguments):
        if str(filename).endswith(".pb"):
            raise KeyboardInterrupt
        write(self, filename, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(zipfile.ZipFile, "write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            ship(run.model, store, "d" * 64)
    assert not store.names("model")


def test_files_older_than_zip_itself_are_copied(model, survey, tmp_path):
    run = prepare(model, survey, tmp_path / "out")
    folder = tmp_path / "3"
    shutil.copytree(run.model.path, folder)
    for path in folder.rglob("*"):
        os.utime(path, (0, 0))
    spec = ship(replace(run.model, path=str(folder)), Store(str(tmp_path / "work")), "c" * 64)
    assert Path(unpacked(spec).path, "saved_model.pb").is_file()


def test_no_permission_to_remove_is_a_note(model, survey, tmp_path, object_store, about):
    object_store.fault = lambda environ: (
        (403, "AccessDenied") if environ["REQUEST_METHOD"] == "DELETE" else None
    )
    run = elsewhere(model, survey, tmp_path / "out", REMOTE)
    notes: list[str] = []
    finish(run.settings, "csv", unbroken(run), about, note=notes.append)
    (note,) = notes
    assert "out.work cannot be removed" in note and (tmp_path / "out" / "_SUCCESS").is_file()
    assert not (tmp_path / "out" / ".work").exists()


def test_a_plan_that_another_command_has_removed_is_one_line(model, survey, tmp_path, object_store):
    run = elsewhere(model, survey, tmp_path / "out", REMOTE)
    broken(run)
    plan = read_plan(run.settings.work)
    run.settings.work.remove(["objects.arrow"])
    with pytest.raises(CatalogError, match=r"objects\.arrow is missing"):
        list(objects_of(run.settings.work, plan.digest, [0]))
