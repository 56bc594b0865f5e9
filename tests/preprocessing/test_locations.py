import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from preprocessing.locations import Remote, is_uri, location, uri_problem, without_secrets


def test_a_uri_keeps_its_slashes_and_its_name():
    file = location("s3://bucket/a//b c.fits")
    assert isinstance(file, Remote)
    assert (str(file), file.name, file.bucket, file.scheme) == (
        "s3://bucket/a//b c.fits",
        "b c.fits",
        "bucket",
        "s3",
    )
    assert location("/a/s3:/b.fits") == Path("/a/s3:/b.fits")


@pytest.mark.parametrize("text", ["labels.csv", "/data/x://y", "C:\\x", "s3:/one-slash", ""])
def test_paths_are_paths(text):
    assert not is_uri(text) and uri_problem(text) == ""


@pytest.mark.parametrize(
    "text", ["s3://b/k.csv", "gs://b/{band}/{name}.fits", "s3://{band}-stamps/{name}.fits"]
)
def test_supported_uris_have_no_problem(text):
    assert uri_problem(text) == ""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("http://host/x.csv", "http://"),
        ("ftp://host/x.csv", "ftp://"),
        ("file:///data/x.csv", "without file://"),
        ("minio://bucket/x.csv", "AWS_ENDPOINT_URL"),
        ("S3://bucket/x.csv", "S3://"),
        ("s3://bucket", "key"),
        ("s3://bucket/", "key"),
        ("s3:///key", "bucket"),
        ("s3://{name}/r.fits", "{name}"),
    ],
)
def test_other_uris_are_refused(text, says):
    assert says in uri_problem(text)


word = st.text(st.sampled_from("abcXYZ0189+=_-%"), min_size=8, max_size=20)


@given(word, word, st.sampled_from(["s3", "gs", "https"]))
def test_credentials_are_refused_and_not_shown(key, secret, scheme):
    signed = f"{scheme}://bucket/k.fits?X-Amz-Credential={key}&X-Amz-Signature={secret}"
    for uri in (f"{scheme}://{key}:{secret}@bucket/k.fits", signed):
        problem = uri_problem(uri)
        assert problem and secret not in problem and key not in problem
        assert secret not in without_secrets(f"failed: {uri!r}, and so on")


def test_nothing_of_the_stores_is_imported_for_local_files(tmp_path):
    (tmp_path / "t.csv").write_text("name,label\na,spiral\n")
    code = f"""
import sys
from preprocessing.labels.reading import read_labels
from preprocessing.data_settings import DataSettings
from preprocessing.stamps import StampError, StampReader
stamps = {str(tmp_path)!r} + "/{{name}}_{{band}}.fits"
assert len(read_labels(DataSettings(labels={str(tmp_path / "t.csv")!r}, stamps=stamps)).objects) == 1
(found,) = StampReader(stamps, ("R",), 8).read_each([("a", 0.0, 0.0)])
assert isinstance(found, StampError)
loaded = {{"s3fs", "gcsfs", "aiobotocore", "botocore", "fsspec", "aiohttp"}} & set(sys.modules)
assert not loaded, loaded
"""
    subprocess.run([sys.executable, "-c", code], check=True)
