"""The classification and the ingest on Apache Flink: the same rows and Examples as on the local runner."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from astropy.wcs import WCS
from catalog_runs import Run, prepare, unbroken
from failing_readers import Failing, Killed
from field_survey import header, write_image, write_table
from flink_cluster import job_server, worker_pool
from object_store import BUCKET

from catalog import chunks
from catalog.classifier import published_model
from catalog.engine import Engine
from catalog.errors import CatalogError
from catalog.fields.input import fields_input
from catalog.objects import Input
from catalog.place import check_out
from catalog.session import classified, rejected
from catalog.shipped import ship
from serving.predict.description import Description

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def flink(tmp_path_factory) -> str:
    """Options of a Beam runner, with a job server that all tests share."""
    with job_server(tmp_path_factory.mktemp("flink")) as endpoint:
        yield f"--job_endpoint={endpoint}"


@pytest.fixture(scope="module")
def loopback(flink) -> tuple[str, ...]:
    """Workers in this process."""
    return flink, "--environment_type=LOOPBACK", "--parallelism=2"


@pytest.fixture(scope="module")
def external(flink, tmp_path_factory) -> tuple[str, ...]:
    """Workers in processes of their own, as on a cluster."""
    with worker_pool(tmp_path_factory.mktemp("pool")) as place:
        yield (flink, "--environment_type=EXTERNAL", f"--environment_config={place}", "--parallelism=1")


def tables(run: Run) -> tuple[pa.Table, pa.Table]:
    plan = unbroken(run)
    store = run.settings.work
    return pa.concat_tables(classified(store, plan)), pa.concat_tables(rejected(store, plan))


@pytest.fixture(scope="module")
def expected(model, survey, tmp_path_factory) -> tuple[pa.Table, pa.Table]:
    """What the local runner gives."""
    results, rejects = tables(prepare(model, survey, tmp_path_factory.mktemp("local") / "out"))
    assert len(results) == 29 and len(rejects) == 4
    return results, rejects


def on(run: Run, options: tuple[str, ...]) -> Run:
    return run._replace(settings=replace(run.settings, engine=Engine("PortableRunner", options)))


def test_stamps_give_the_same_rows(model, survey, tmp_path, expected, loopback):
    assert tables(on(prepare(model, survey, tmp_path / "out", workers=2), loopback)) == expected


def test_without_a_shared_disk(model, survey, tmp_path, expected, loopback, object_store):
    """The work folder is in an object store, and the workers do not find the folder of the model."""
    run = on(prepare(model, survey, tmp_path / "out"), loopback)
    run = run._replace(settings=replace(run.settings, work_place=f"s3://{BUCKET}/tmp"))
    check_out(run.settings)
    shipped = ship(run.model, run.settings.work, run.subject["model"])
    assert tables(run._replace(model=replace(shipped, path="/absent/3"))) == expected
    assert (tmp_path / "out/.work/beam.log").is_file()


@pytest.fixture(scope="module")
def fields(model, tmp_path_factory) -> Input:
    """Two fields of noise with six sources each, and one source off both."""
    folder = tmp_path_factory.mktemp("fields")
    random = np.random.default_rng(11)
    images, sources = [], [{"name": "off", "ra": 10.0, "dec": 0.0}]
    for number, ra in enumerate((150, 151)):
        cards = header(ra, 2, (200, 200))
        for band in "IRG":
            path = f"{number}_{band}.fits"
            write_image(folder / path, random.normal(1, 0.3, (200, 200)).astype("f4"), cards, "")
            images.append({"field": f"F{number}", "band": band, "path": path})
        places = WCS(cards).all_pix2world(random.uniform(50, 150, (6, 2)), 0)
        sources += [{"name": f"F{number}.{place}", "ra": a, "dec": d} for place, (a, d) in enumerate(places)]
    write_table(folder / "fields.csv", images)
    write_table(folder / "sources.csv", sources)
    description = Description.of(published_model(model).description, "galmorph.json")
    return fields_input(folder / "fields.csv", folder / "sources.csv", description)


def test_fields_give_the_same_rows(model, survey, fields, tmp_path, loopback):
    local = prepare(model, survey, tmp_path / "local")._replace(source=fields)
    results, rejects = tables(local)
    assert len(results) == 12 and rejects["reason"].to_pylist() == ["off_fields"]
    distributed = on(prepare(model, survey, tmp_path / "out"), loopback)._replace(source=fields)
    for table, expected in zip(tables(distributed), (results, rejects), strict=True):
        assert repr(table.to_pylist()) == repr(expected.to_pylist())  # unknown magnitudes are NaN


def test_a_killed_worker_loses_nothing(model, survey, tmp_path, expected, external):
    run = on(prepare(model, survey, tmp_path / "out"), external)
    mark = tmp_path / "mark"
    killed = run._replace(source=replace(run.source, reader=Killed(run.source.reader, 13, 2, mark)))
    with pytest.raises(CatalogError, match="was lost") as caught:
        unbroken(killed)
    assert "\n" not in str(caught.value)
    assert len(mark.read_text()) == 2  # Flink repeats once what has failed, with a new worker
    assert chunks.finished(run.settings.work) <= {0, 1, 2}  # of four rows each
    assert tables(killed) == expected


def test_the_exception_of_a_step_is_its_sentence(model, survey, tmp_path, external):
    run = on(prepare(model, survey, tmp_path / "out"), external)
    failing = replace(run.source, reader=Failing("the field 7 is upside down"))
    with pytest.raises(CatalogError, match=r"^PortableRunner: the field 7 is upside down"):
        unbroken(run._replace(source=failing))


def contents(out: Path) -> dict[str, list[bytes]]:
    import tensorflow as tf

    return {
        str(path.relative_to(out)): [record.numpy() for record in tf.data.TFRecordDataset(str(path))]
        for path in sorted(out.glob("Split-*/*"))
    }


def ingested(survey, out: Path, options: tuple[str, ...]) -> tuple[dict[str, list[bytes]], tuple]:
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    from components.fits_example_gen.ingest import ingest
    from preprocessing.data_settings import DataSettings, SplitSettings
    from preprocessing.rows.division import stamp_reader

    labels = survey.folder.parent / "labels.csv"
    words = ("spiral", "elliptical", "uncertain")
    lines = [
        f"{name},{words[place % 3 if place < 9 else place % 2]}" for place, name in enumerate(survey.names)
    ]
    labels.write_text("name,label\n" + "\n".join(lines) + "\n")
    data = DataSettings(labels=str(labels), stamps=survey.template)
    scratch = out / "scratch"
    scratch.mkdir(parents=True)
    found = ingest(
        data,
        SplitSettings(train=0.6, val=0.2, test=0.2, folds=2),
        stamp_reader(data, tuple("IRG"), 40),
        lambda: beam.Pipeline(options=PipelineOptions(list(options))),
        lambda name: str(out / f"Split-{name}"),
        str(scratch),
    )
    return contents(out), (found.division.places, found.division.rejects, found.notes)


def test_ingest_writes_the_same_examples(survey, tmp_path, loopback):
    local = ("--runner=DirectRunner", "--direct_running_mode=in_memory")
    expected = ingested(survey, tmp_path / "local", local)
    assert {name.split("/")[0] for name in expected[0]} >= {"Split-train", "Split-val", "Split-test"}
    # The last is what `pipeline.local_runner` adds.
    options = ("--runner=PortableRunner", *loopback, "--sdk_container_image=none")
    assert ingested(survey, tmp_path / "flink", options) == expected
