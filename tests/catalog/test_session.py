"""The classification of a survey: every row once, whatever happens on the way."""

import contextlib
import errno
import itertools
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from catalog_runs import Run, prepare, unbroken
from failing_readers import Breaks, BreaksAfter
from served import IMAGE

from catalog import chunks
from catalog.batches import Batch
from catalog.errors import CatalogError
from catalog.place import CompleteError, check_out
from catalog.plan import make_plan, objects_of, read_plan, write_plan
from catalog.session import classified, merged, rejected, run_classification
from preprocessing import whole_files


def tables(run: Run, plan) -> tuple[pa.Table, pa.Table]:
    store = run.settings.work
    return pa.concat_tables(classified(store, plan)), pa.concat_tables(rejected(store, plan))


@pytest.fixture(scope="module")
def expected(model, survey, tmp_path_factory) -> tuple[pa.Table, pa.Table]:
    run = prepare(model, survey, tmp_path_factory.mktemp("expected") / "out")
    return tables(run, unbroken(run))


def test_every_row_is_there_once_under_its_number(survey, expected):
    results, rejects = expected
    rows = np.sort(np.concatenate([results["row"].to_numpy(), rejects["row"].to_numpy()]))
    assert rows.tolist() == list(range(len(survey.names)))
    for table in expected:
        for row, name in zip(table["row"].to_pylist(), table["name"].to_pylist(), strict=True):
            assert survey.names[row] == name
    reasons = dict(zip(rejects["name"].to_pylist(), rejects["reason"].to_pylist(), strict=True))
    assert reasons == {"flat": "constant", "gone": "missing_file", "short": "unreadable", "": "no_name"}


def test_probabilities_are_those_of_the_model(model, survey, expected):
    import tensorflow as tf
    from astropy.io import fits

    results, _ = expected
    flux = np.stack(
        [
            np.stack([fits.getdata(survey.folder / f"{name}_{band}.fits") for band in IMAGE.bands], axis=-1)
            for name in results["name"].to_pylist()
        ]
    )
    loaded = tf.saved_model.load(str(model / "3"))
    answers = loaded.signatures["classify_flux"](flux=tf.constant(flux))
    for name in ("p_elliptical", "p_spiral", "novelty", "novelty_distance"):
        np.testing.assert_allclose(results[name].to_numpy(), answers[name].numpy(), atol=1e-6)
    assert results["morphology"].to_pylist() == [word.decode() for word in answers["morphology"].numpy()]
    assert np.ptp(answers["p_elliptical"]) > 1e-4  # it tells them apart


def test_repeated_names_have_equal_results(expected):
    results, _ = expected
    values: dict[str, set[float]] = {}
    for name, p in zip(results["name"].to_pylist(), results["p_elliptical"].to_pylist(), strict=True):
        values.setdefault(name, set()).add(p)
    assert len(values) < len(results)
    assert all(max(found) - min(found) < 1e-6 for found in values.values())


@pytest.mark.parametrize("batches", [0, 1, 5, 8])
def test_a_run_that_broke_goes_on_and_gives_the_same(model, survey, tmp_path, expected, batches):
    run = prepare(model, survey, tmp_path / "out")
    broken = replace(run.source, reader=BreaksAfter(run.source.reader, batches))
    with pytest.raises(Breaks):
        unbroken(run._replace(source=broken))
    there = chunks.finished(run.settings.work)
    assert len(there) == batches // 2  # of four rows, two to a batch
    if there:
        with pytest.raises(CatalogError, match="--resume"):
            check_out(run.settings)
    again = run._replace(settings=replace(run.settings, existing="resume"))
    check_out(again.settings)
    times = {chunk: os.stat(tmp_path / "out/.work" / chunks.file_name(chunk)).st_mtime_ns for chunk in there}
    plan = unbroken(again)
    assert tables(run, plan) == expected
    for chunk, time in times.items():  # what was finished was not done again
        assert os.stat(tmp_path / "out/.work" / chunks.file_name(chunk)).st_mtime_ns == time


def test_another_input_or_model_does_not_continue(model, survey, tmp_path):
    run = prepare(model, survey, tmp_path / "out")
    with pytest.raises(Breaks):
        unbroken(run._replace(source=replace(run.source, reader=BreaksAfter(run.source.reader, 3))))
    with pytest.raises(CatalogError, match="another input"):
        unbroken(run._replace(source=replace(run.source, digest="other")))
    with pytest.raises(CatalogError, match="another model"):
        unbroken(run._replace(subject={"model": "other"}))


@pytest.mark.parametrize("of", [2, 5])
def test_parts_make_the_same_catalogue(model, survey, tmp_path, expected, of):
    run = prepare(model, survey, tmp_path / "out")
    for number in range(1, of):
        unbroken(run._replace(settings=replace(run.settings, part=(number, of))))
    with pytest.raises(CatalogError, match=f"of {of} parts {of}"):
        merged(run.settings, run.source, run.subject)
    unbroken(run._replace(settings=replace(run.settings, part=(of, of))))
    assert tables(run, merged(run.settings, run.source, run.subject)) == expected


def test_a_full_disk_is_one_sentence(model, survey, tmp_path, monkeypatch):
    run = prepare(model, survey, tmp_path / "out")
    replace_file = os.replace
    count = itertools.count()

    def full(source, target):
        if next(count) > 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), source)
        replace_file(source, target)

    monkeypatch.setattr(whole_files.os, "replace", full)
    with pytest.raises(CatalogError, match="No space left on device") as caught:
        unbroken(run)
    assert "\n" not in str(caught.value)
    monkeypatch.undo()
    names = [path.name for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert not [name for name in names if name.endswith(".part")]


def test_a_killed_reading_process_is_one_sentence(model, survey, tmp_path):
    run = prepare(model, survey, tmp_path / "out", workers=2)
    read = replace(run.source.reader.read, reader=Killing(run.source.reader.read.reader))
    source = replace(run.source, reader=replace(run.source.reader, read=read))
    with pytest.raises(CatalogError, match="was killed"):
        unbroken(run._replace(source=source))


class Killing:
    """A stamp reader whose process is killed."""

    def __init__(self, reader) -> None:
        self.side, self.bands = reader.side, reader.bands

    def read_each(self, objects) -> None:
        os.kill(os.getpid(), 9)


def test_two_processes_read_the_same(model, survey, tmp_path, expected):
    run = prepare(model, survey, tmp_path / "out", workers=2)
    assert tables(run, unbroken(run)) == expected


def test_folders_that_are_no_catalogue_are_left_alone(model, survey, tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    for existing in ("refuse", "resume", "overwrite"):
        with pytest.raises(CatalogError, match="no catalogue"):
            check_out(replace(prepare(model, survey, tmp_path).settings, existing=existing))
    with pytest.raises(CatalogError, match="is a file"):
        check_out(prepare(model, survey, tmp_path / "thesis.tex").settings)
    assert Path(tmp_path / "thesis.tex").read_text() == "x"
    spark = tmp_path / "spark"
    spark.mkdir()
    for name in ("_SUCCESS", "part-00000.parquet", "README.md"):
        (spark / name).write_text("")
    with pytest.raises(CatalogError, match="no catalogue"):
        check_out(replace(prepare(model, survey, spark).settings, existing="overwrite"))


def test_progress_counts_all_rows(model, survey, tmp_path):
    run = prepare(model, survey, tmp_path / "out")
    seen: list[tuple[int, int]] = []
    run_classification(
        run.settings, run.source, run.model, IMAGE.cut, run.subject, lambda *figures: seen.append(figures)
    )
    assert seen[0] == (0, len(survey.names))
    assert seen[-1] == (len(survey.names), len(survey.names))
    assert seen == sorted(seen)


def test_what_is_complete_is_not_done_again_and_stays_until_the_new_one_is_whole(model, survey, tmp_path):
    run = prepare(model, survey, tmp_path / "out")
    (tmp_path / "out").mkdir()
    for name in ("_SUCCESS", "lineage.json", "notes.txt"):
        (tmp_path / "out" / name).write_text("")
    for existing in ("refuse", "resume"):
        with pytest.raises(CompleteError):
            check_out(replace(run.settings, existing=existing))
    check_out(replace(run.settings, existing="overwrite"))
    assert (tmp_path / "out/_SUCCESS").exists() and (tmp_path / "out/notes.txt").exists()


def test_a_run_that_failed_before_its_first_chunk_leaves_nothing_to_ask_about(model, survey, tmp_path):
    run = prepare(model, survey, tmp_path / "out")
    with pytest.raises(Breaks):
        unbroken(run._replace(source=replace(run.source, reader=BreaksAfter(run.source.reader, 0))))
    check_out(run.settings)
    unbroken(run._replace(subject={"model": "other"}))


class Intruding:
    """A reader beside which another command, with another input, takes the same folder."""

    def __init__(self, read, other: Run, batches: int) -> None:
        self.read, self.other, self.left = read, other, batches

    def __call__(self, objects: pa.Table, size: int) -> Iterator[Batch]:
        for batch in self.read(objects, size):
            self.left -= 1
            if self.left == 0:
                store = self.other.settings.work
                write_plan(make_plan(self.other.source, {"input": "other"}, 4), self.other.source, store)
            yield batch


@pytest.mark.parametrize("batches", [1, 5])
def test_two_inputs_in_one_folder_are_never_mixed(model, survey, tmp_path, batches):
    run = prepare(model, survey, tmp_path / "out")
    names = pa.array(reversed(survey.names))
    other = replace(run.source, objects=run.source.objects.set_column(1, "name", names), digest="other")
    intruder = run._replace(source=other)
    reader = Intruding(run.source.reader, intruder, batches)
    with contextlib.suppress(CatalogError):
        tables(run, unbroken(run._replace(source=replace(run.source, reader=reader))))
        # The first command had read all its objects by then.
    finished = chunks.finished(run.settings.work)
    assert finished
    theirs = read_plan(run.settings.work)
    assert theirs is not None
    with pytest.raises(CatalogError, match="another input"):
        tables(intruder, theirs)


def test_objects_of_another_plan_are_refused(model, survey, tmp_path):
    run = prepare(model, survey, tmp_path / "out")
    store = run.settings.work
    one, other = (make_plan(run.source, {"input": name}, 4) for name in "ab")
    write_plan(other, run.source, store)
    with pytest.raises(CatalogError, match="another input"):
        list(objects_of(store, one.digest, [0]))
    assert [chunk for chunk, _ in objects_of(store, other.digest, [0, 2])] == [0, 2]
