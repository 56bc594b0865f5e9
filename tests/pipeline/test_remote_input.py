"""Input of a run in an object store: checked before any component starts, by few requests."""

import numpy as np
import pytest
from object_store import BUCKET, KEY, SECRET
from small_survey import CONFIG, exit_status

from pipeline.config import load_settings
from pipeline.errors import InputError
from pipeline.preflight import check_before_run, check_data

NAMES = [f"g{number:03d}" for number in range(16)]


@pytest.fixture
def config(tmp_path, write_stamp, object_store):
    """A configuration whose table and stamps are in the store; the stamps of 16 galaxies are alike."""
    path = write_stamp("any", "I", np.random.default_rng(0).normal(size=(20, 24)))
    rows = [f"{name},{'spiral' if number % 2 else 'elliptical'}\n" for number, name in enumerate(NAMES)]
    object_store.put("labels.csv", ("name,label\n" + "".join(rows)).encode())
    for name in NAMES:
        for band in "IRG":
            object_store.put(f"{band}_stamps/{name}_{band}.fits", path.read_bytes())
    text = CONFIG.replace('"labels.csv"', f'"s3://{BUCKET}/labels.csv"')
    (tmp_path / "galmorph.toml").write_text(text.replace('"{band}_stamps', f'"s3://{BUCKET}/{{band}}_stamps'))
    object_store.asked.clear()
    return tmp_path / "galmorph.toml"


def test_a_check_lists_and_reads_a_sample(config, object_store):
    settings = load_settings(config)
    assert settings.data.labels == f"s3://{BUCKET}/labels.csv"
    checked = check_data(settings)
    assert checked.rows == 16 and checked.classes == {"spiral": 8, "elliptical": 8}
    assert len(object_store.asked) < 15, "the number of requests does not grow with the objects"
    assert check_data(settings).fingerprint == checked.fingerprint
    object_store.put(f"R_stamps/{NAMES[5]}_R.fits", b"another")
    assert check_data(settings).fingerprint != checked.fingerprint
    assert check_before_run(settings).rows == 16


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("data.labels=s3://galaxies/absent.csv", "[data] labels: s3://galaxies/absent.csv does not exist"),
        ("data.labels=s3://elsewhere/t.csv", "the bucket 'elsewhere' does not exist"),
        ("data.stamps=s3://elsewhere/{name}_{band}.fits", "[data] stamps: s3://elsewhere/ cannot be read"),
        ("data.stamps=s3://galaxies/x/{name}_{band}.fits", "there is no s3://galaxies/x/g000_G.fits"),
        ("data.labels=http://host/t.csv", "http:// is not supported"),
        ("data.exclude=ftp://host/t.csv", "ftp:// is not supported"),
        ("data.positions=gs://only-a-bucket", "lacks a key"),
        ("model.weights=s3://galaxies/w.h5", "must lie on a disk"),
    ],
)
def test_what_cannot_be_used_is_one_line(config, capsys, monkeypatch, change, says):
    monkeypatch.setattr("pipeline.run.run_jobs", lambda *_: pytest.fail("a component would have run"))
    assert exit_status(monkeypatch, "run", config, "--set", change) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and says in lines[0]


@pytest.mark.parametrize("key", ["labels", "stamps", "exclude", "corrections"])
def test_credentials_in_a_uri_are_refused_and_not_shown(config, key):
    for uri in (
        f"s3://{KEY}:{SECRET}@bucket/{{name}}_{{band}}",
        f"https://bucket.s3.amazonaws.com/{{name}}_{{band}}?X-Amz-Credential={KEY}&X-Amz-Signature={SECRET}",
    ):
        with pytest.raises(InputError, match="credentials") as refused:
            load_settings(config, [f"data.{key}={uri}"])
        assert SECRET not in str(refused.value) and KEY not in str(refused.value)


@pytest.mark.parametrize("verb", ["run", "inspect"])
def test_a_token_that_expires_meanwhile(config, object_store, capsys, monkeypatch, verb):
    monkeypatch.setattr("pipeline.run.run_jobs", lambda *_: pytest.fail("a component would have run"))
    object_store.fault = lambda environ: (
        (400, "ExpiredToken") if environ["PATH_INFO"].endswith(f"{NAMES[10]}_I.fits") else None
    )
    assert exit_status(monkeypatch, verb, config) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert "[data] stamps: s3://galaxies/I_stamps/g010_I.fits cannot be read: the token has expired" in line
