"""All files of a finished catalogue, and what is left when it cannot be finished.

``cff_1.2.0.schema.json`` is the schema of the Citation File Format 1.2.0 (Druskat et al., CC BY 4.0).
"""

import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import jsonschema
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import yaml
from astropy.io import fits, votable
from astropy.table import Table
from catalogue_parts import about, block, parts, rejects

from catalog.errors import CatalogError
from catalog.output import table as table_module
from catalog.output.about import about_model, model_fingerprint
from catalog.output.table import NAMES
from catalog.output.twins import loadable, make_twin
from catalog.output.write import is_complete, write_catalogue
from catalog.samp import EXTENSIONS, FITS, VOTABLE
from evaluation.formats.catalogue import Flag
from serving.published import read_version

TOTAL = 300
SINGLE = [kind for kind in NAMES if kind not in ("parquet", "hats")]
SCHEMA = Path(__file__).with_name("cff_1.2.0.schema.json")


def write(out, kind="parquet", total=TOTAL, **changes):
    arguments = {"rejects": rejects(total), "rows": total} | changes
    every = arguments.pop("parts", None) or parts(total)
    return write_catalogue(out, kind, every, arguments.pop("about", None) or about(), **arguments)


@pytest.fixture(scope="module")
def rows():
    return pa.concat_tables(list(parts(TOTAL)())).to_pydict()


def read(out, kind):
    if kind == "parquet":
        return pyarrow.parquet.read_table(out / "catalogue").to_pydict()
    options = {"converters": {"name": str}} if kind == "csv" else {}
    return Table.read(out / NAMES[kind], **options)


@pytest.mark.parametrize("kind", ["parquet", *SINGLE])
def test_every_row_is_in_the_table_or_in_the_rejects(kind, tmp_path, rows):
    write(tmp_path, kind)
    assert list(read(tmp_path, kind)["row"]) == [row + 1 for row in rows["row"]]
    rejected = list(csv.DictReader((tmp_path / "rejects.csv").open()))
    assert list(rejected[0]) == ["name", "file", "reason", "message", "row"]
    assert rejected[0] == {
        "name": "R9", "file": "", "reason": "unreadable", "message": "it is damaged", "row": "10",
    }  # fmt: skip
    every = [row + 1 for row in rows["row"]] + [int(entry["row"]) for entry in rejected]
    assert sorted(every) == list(range(1, TOTAL + 1))


def test_the_summary_counts_what_is_there(tmp_path, rows):
    summary = write(tmp_path, "fits")
    content = json.loads((tmp_path / "summary.json").read_text())
    assert list(content)[:8] == [
        "rows", "classified", "rejects", "classes", "reasons", "flags", "seconds", "model",
    ]  # fmt: skip
    assert (content["rows"], content["classified"], content["rejects"]) == (300, 270, 30)
    assert content["classes"] == dict(Counter(rows["morphology"]))
    assert content["reasons"] == {"unreadable": 15, "no_name": 15}
    assert content["flags"] == {
        str(flag.name).lower(): sum(bool(flags & flag) for flags in rows["flags"]) for flag in Flag
    }
    assert content["model"] == {
        "path": "/models/3",
        "version": "3",
        "fingerprint": "0123456789abcdef" * 4,
        "versions": {"3-0123456789ab": 270},
    }
    assert content["without_position"] == sum(np.isnan(rows["ra"])) == summary.without_position
    assert (content["table"], content["seconds"]) == ("catalogue.fits", 12.5)


def test_parquet_is_partitioned_and_every_file_is_a_voparquet(tmp_path, monkeypatch, rows):
    monkeypatch.setattr(table_module, "PARTITION_ROWS", 100)
    write(tmp_path)
    files = sorted((tmp_path / "catalogue").iterdir())
    assert [path.name for path in files] == [f"part-{number:05d}.parquet" for number in range(3)]
    tables = [Table.read(path, format="parquet.votable") for path in files]
    assert [len(table) for table in tables] == [100, 100, 70]
    assert [str(table["ra"].unit) for table in tables] == ["deg"] * 3
    assert [name for table in tables for name in table["name"]] == rows["name"]
    listed = json.loads((tmp_path / "manifest.json").read_text())
    assert listed["rows"] == 270
    assert [file["rows"] for file in listed["files"] if "rows" in file] == [100, 100, 70]


def test_the_digests_are_those_of_all_files(tmp_path):
    write(tmp_path, page=lambda summary: f"<html>{summary.rows}</html>")
    lines = [line.split("  ") for line in (tmp_path / "SHA256SUMS").read_text().splitlines()]
    assert all(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == digest for digest, name in lines)
    there = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert {name for _, name in lines} == there - {"SHA256SUMS", "_SUCCESS"}
    assert (tmp_path / "index.html").read_text() == "<html>300</html>"
    assert (tmp_path / "model_card.md").read_text() == "# Model card\n"


@pytest.mark.parametrize("authors", [(), ('Ana Souza: "the" first', "Jörg #2")])
def test_the_citation_is_valid_cff(authors, tmp_path):
    write(tmp_path, about=about(authors=authors, title="S-PLUS: morphology\n# 1"))
    content = yaml.safe_load((tmp_path / "CITATION.cff").read_text())
    jsonschema.validate(content, json.loads(SCHEMA.read_text()))
    assert content["type"] == "dataset" and content["version"] == "3-0123456789ab"
    assert content["title"] == "S-PLUS: morphology # 1"
    assert [author["name"] for author in content["authors"]] == list(
        authors or ["The authors of this catalogue"]
    )


def test_the_lineage_leads_from_the_data_to_the_table(tmp_path):
    write(tmp_path, "csv")
    content = json.loads((tmp_path / "lineage.json").read_text())
    assert content["data"] == {"fingerprint": "f00d"}
    assert content["configuration"] == {"data": {"labels": "gz.csv"}}
    assert (content["model"]["run"], content["model"]["candidate"]) == ("mine", "c0ffee")
    assert content["model"]["description"]["bands"] == ["I", "R", "G"]
    assert content["model"]["fingerprint"] == "0123456789abcdef" * 4
    assert content["input"]["table"] == {"path": "t.csv", "sha256": "ab"}
    assert content["run"]["command"] == ["galmorph", "classify", "models"]
    digest = hashlib.sha256((tmp_path / "catalogue.csv").read_bytes()).hexdigest()
    assert content["catalogue"]["files"]["catalogue.csv"] == digest


@pytest.mark.parametrize("kind", NAMES)
def test_the_readme_names_columns_flags_and_counts(kind, tmp_path):
    from catalog.output.counts import Counts, Summary
    from catalog.output.documents import readme
    from evaluation.formats.tables.blocks import Measurer

    counts, measurer = Counts(), Measurer()
    for part in parts(TOTAL)():
        counts.add(part)
        measurer.add(part)
    summary = Summary.of(counts, 1.0, {}, NAMES[kind])
    text = readme("Survey", kind, about(), summary, measurer.layout(), has_page=True)
    assert text.startswith("# Survey\n")
    for name in (*(column.name for column in measurer.layout().columns), "blank", "unlike", NAMES[kind]):
        assert f"`{name}`" in text
    assert f"| `unlike` | unlike the training galaxies (novelty >= 0.99) | {counts.flags['unlike']} |" in text
    assert "from 0.25 to 0.75" in text and "index.html" in text


@pytest.mark.slow
def test_the_python_of_the_readme_runs(tmp_path):
    for kind in ("parquet", "fits", "votable", "ecsv", "csv"):
        out = tmp_path / kind
        write(out, kind)
        code = (out / "README.md").read_text().split("```python\n")[1].split("```")[0]
        # polars is no dependency of ours.
        code = "\n".join(line for line in code.splitlines() if "polars" not in line)
        found = {}
        here = os.getcwd()
        os.chdir(out)
        try:
            exec(code, found)
        finally:
            os.chdir(here)
        assert len(found["table"]) == 270
        assert len(found.get("frame", found["table"])) == 270


def test_rows_that_are_missing_twice_or_too_many_are_found(tmp_path):
    lost = lambda: iter([block([0, 1, 3])])  # noqa: E731
    with pytest.raises(CatalogError, match=r"1 rows of the input are missing in the result, first row 3"):
        write(tmp_path / "a", parts=lost, rejects=lambda: iter(()), rows=4)
    twice = lambda: iter([block([0, 1]), block([1, 2])])  # noqa: E731
    with pytest.raises(CatalogError, match=r"1 rows of the input are there twice in the result, first row 2"):
        write(tmp_path / "b", parts=twice, rejects=lambda: iter(()), rows=3)
    with pytest.raises(CatalogError, match=r"a result has the row 3, but the input has 2 rows"):
        write(tmp_path / "c", parts=lambda: iter([block([0, 1, 2])]), rejects=lambda: iter(()), rows=2)
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_without_a_classified_object_the_table_is_empty(tmp_path):
    summary = write(tmp_path, "fits", parts=lambda: iter(()), rejects=rejects(20), rows=None)
    assert (summary.rows, summary.classified, len(Table.read(tmp_path / "catalogue.fits"))) == (2, 0, 0)
    assert is_complete(tmp_path)


def test_a_new_catalogue_replaces_an_earlier_one_and_nothing_else(tmp_path):
    write(tmp_path, "fits")
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / ".work").mkdir()
    for extension in EXTENSIONS.values():  # what SAMP programs got of the earlier one
        (tmp_path / f"samp{extension}").write_text("")
    write(tmp_path, "csv")
    names = {path.name for path in tmp_path.iterdir()}
    assert {"catalogue.csv", "notes.txt", ".work", "_SUCCESS"} <= names
    assert not names & {"catalogue.fits", ".writing", "samp.fits", "samp.vot"}


def test_an_earlier_catalogue_stays_if_the_new_one_fails(tmp_path):
    write(tmp_path, "fits")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def broken():
        yield block([0])
        raise CatalogError("chunk 2 is damaged")

    with pytest.raises(CatalogError, match="chunk 2 is damaged"):
        write(tmp_path, "csv", parts=broken)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


_CHILD = """
import sys
sys.path[:0] = sys.argv[3:]
import resource, signal
from pathlib import Path
from catalogue_parts import about, parts, rejects
from catalog.errors import CatalogError
from catalog.output.write import write_catalogue
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
every = parts(4000)
list(every())
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
try:
    write_catalogue(Path(sys.argv[2]), sys.argv[1], every, about(), rejects=rejects(4000), rows=4000)
except CatalogError as error:
    print(error)
"""


@pytest.mark.parametrize("kind", ["parquet", "fits", "csv"])
def test_a_file_that_cannot_grow_is_one_line_and_leaves_nothing(kind, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, kind, str(tmp_path / "out"), *sys.path],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == f"{tmp_path / 'out'} cannot be written: File too large\n"
    assert list((tmp_path / "out").iterdir()) == []


_SLOW = """
import sys, time
sys.path[:0] = sys.argv[2:]
from pathlib import Path
from catalogue_parts import about, block, rejects
from catalog.output.write import write_catalogue
def parts():
    for start in range(100):
        yield block([start])
        print("part", flush=True)
        time.sleep(0.05)
write_catalogue(Path(sys.argv[1]), "csv", parts, about(), rejects=lambda: iter(()))
"""


def test_killed_while_it_writes_it_does_not_look_whole(tmp_path):
    child = subprocess.Popen(
        [sys.executable, "-c", _SLOW, str(tmp_path), *sys.path], stdout=subprocess.PIPE, text=True
    )
    for _ in range(150):  # the second of the two passes has begun
        child.stdout.readline()
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert {path.name for path in tmp_path.iterdir()} == {".writing"}
    write(tmp_path)
    assert is_complete(tmp_path) and not (tmp_path / ".writing").exists()


@pytest.mark.parametrize("kind", ["parquet", *SINGLE])
def test_a_twin_for_samp_is_the_same_table(kind, tmp_path):
    write(tmp_path / "fits", "fits")
    write(tmp_path / "votable", "votable")
    write(tmp_path / kind, kind)
    assert loadable(tmp_path / kind, kind) == {
        message: tmp_path / kind / NAMES[kind]
        for message, known in ((FITS, "fits"), (VOTABLE, "votable"))
        if known == kind
    }
    twin = fits.getdata(make_twin(tmp_path / kind, kind, FITS))
    assert twin.tobytes() == fits.getdata(tmp_path / "fits" / "catalogue.fits").tobytes()
    twin = votable.parse(make_twin(tmp_path / kind, kind, VOTABLE)).get_first_table()
    direct = votable.parse(tmp_path / "votable" / "catalogue.vot").get_first_table()
    for name in ("name", "ra", "p_elliptical", "row", "embedding"):
        np.testing.assert_array_equal(twin.array[name], direct.array[name])
    assert [field.name for field in twin.fields] == [field.name for field in direct.fields]


def test_the_blocks_are_watched_before_the_page_is_made(tmp_path):
    seen = []
    write(tmp_path, watch=lambda part: seen.append(part.num_rows), page=lambda summary: f"{sum(seen)}")
    assert (tmp_path / "index.html").read_text() == "270"


def test_an_unknown_format_is_refused(tmp_path):
    with pytest.raises(CatalogError, match=r"--format xlsx is not one of parquet, hats, fits"):
        write(tmp_path, "xlsx")


@pytest.fixture
def published(tmp_path):
    folder = tmp_path / "models" / "3"
    (folder / "assets.extra").mkdir(parents=True)
    (folder / "variables").mkdir()
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "variables" / "v").write_bytes(b"weights")
    image = {"rgb": "IRG", "cut": 128, "size": 128, "stretch": 3.0, "q": 8.0, "minimum": 0.0}
    description = {"image": image, "bands": ["I", "R", "G"], "uncertain": [0.3, 0.7]}
    (folder / "assets.extra" / "galmorph.json").write_text(json.dumps(description))
    return folder


def test_a_published_version_tells_of_itself(published):
    model = about_model(read_version(published))
    assert (model.version, model.card, dict(model.origin), model.uncertain) == ("3", "", {}, (0.3, 0.7))
    assert model.row_version == f"3-{model.fingerprint[:12]}"
    (published / "assets.extra" / "origin.json").write_text('{"candidate": "c0ffee"}')
    (published / "assets.extra" / "model_card.md").write_text("# é")
    model = about_model(read_version(published))
    assert (model.card, dict(model.origin)) == ("# é", {"candidate": "c0ffee"})
    (published / "assets.extra" / "origin.json").write_text("{")
    with pytest.raises(CatalogError, match=r"origin.json is damaged"):
        about_model(read_version(published))


def test_the_fingerprint_is_that_of_names_and_contents(published, tmp_path):
    first = model_fingerprint(published)
    os.utime(published / "saved_model.pb", (1, 1))
    (published / ".DS_Store").write_bytes(b"x")
    published.rename(tmp_path / "elsewhere")
    assert model_fingerprint(tmp_path / "elsewhere") == first
    (tmp_path / "elsewhere" / "variables" / "v").write_bytes(b"weightz")
    assert model_fingerprint(tmp_path / "elsewhere") != first
    (tmp_path / "elsewhere" / "variables" / "v").write_bytes(b"weights")
    (tmp_path / "elsewhere" / "variables" / "v").rename(tmp_path / "elsewhere" / "variables" / "w")
    assert model_fingerprint(tmp_path / "elsewhere") != first
