"""Root, schedule, host, token, cookie, certificates."""

import base64
import json
import os
import time

import pytest

from kubeflow.submit import access as access_module
from kubeflow.submit import token as token_module
from kubeflow.submit.access import Access, find_certificates, parse_host, read_cookie
from kubeflow.submit.errors import SubmitError
from kubeflow.submit.root import check_pipeline_root
from kubeflow.submit.schedule import kfp_cron
from kubeflow.submit.token import Token, find_token


@pytest.mark.parametrize(
    "root", ["minio://mlpipeline/v2", "s3://my.bucket/a/b?region=eu-west-1", "gs://bucket", "s3://a-b-c/"]
)
def test_roots_that_pods_reach(root):
    check_pipeline_root(root)


@pytest.mark.parametrize(
    "root",
    [
        "/home/ana/run",
        "runs/one",
        "file:///home/ana",
        "hdfs://host/a",
        "https://b.s3.amazonaws.com/a",
        "s3:/bucket/a",
        "s3://",
        "s3:///a",
        "s3://Bucket_/a",
        "minio:mlpipeline",
        "s3://[/a",
        "C:\\runs",
    ],
)
def test_roots_that_they_do_not_reach(root):
    with pytest.raises(SubmitError, match="minio://BUCKET/PATH"):
        check_pipeline_root(root)


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("0 3 * * 1", "0 0 3 * * 1"),
        ("  0  3 * * MON-fri ", "0 0 3 * * MON-fri"),
        ("30 0 3 ? * 1-5", "30 0 3 ? * 1-5"),
        ("*/15 0-6/2,12 1 jan,JUL *", "0 */15 0-6/2,12 1 jan,JUL *"),
        ("@daily", "@daily"),
        ("@every 1h30m", "@every 1h30m"),
    ],
)
def test_cron_as_kfp_takes_it(given, sent):
    assert kfp_cron(given) == sent


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", "0 fields"),
        ("0 3 * *", "4 fields"),
        ("0 0 3 * * 1 2026", "7 fields"),
        ("60 3 * * *", "minute"),
        ("0 24 * * *", "hour"),
        ("0 3 0 * *", "day of the month"),
        ("0 3 * 13 *", "month"),
        ("0 3 * * 7", "0 is Sunday"),
        ("0 3 * * FOO", "day of the week"),
        ("*/0 3 * * *", "above 0"),
        ("5-1 3 * * *", "ends before"),
        ("0 3 L * *", "day of the month"),
        ("0 3 1,, * *", "day of the month"),
        ("@reboot", "@hourly"),
        ("@every 1d", "@every"),
    ],
)
def test_cron_that_kfp_would_refuse(given, said):
    with pytest.raises(SubmitError, match=said):
        kfp_cron(given)


@pytest.mark.parametrize(
    ("given", "host"),
    [
        ("http://localhost:8080", "http://localhost:8080"),
        ("https://kf.example.org/pipeline/", "https://kf.example.org/pipeline"),
        ("https://kf.example.org/pipeline/#/runs", "https://kf.example.org/pipeline"),
        ("https://kf.example.org/_/pipeline/?ns=ana#/runs/details/7", "https://kf.example.org/pipeline"),
        ("http://ml-pipeline:8888/apis/v2beta1", "http://ml-pipeline:8888"),
        ("http://ml-pipeline:8888/apis/v2beta1/", "http://ml-pipeline:8888"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
    ],
)
def test_addresses_as_people_copy_them(given, host):
    assert parse_host(given) == host


@pytest.mark.parametrize(
    "given",
    [
        "localhost:8080",
        "kf.example.org",
        "ftp://x",
        "http://",
        "http://h:99999",
        "http://ana:secret@h",
        "http://[1",
    ],
)
def test_what_is_no_address(given):
    with pytest.raises(SubmitError, match="--host") as caught:
        parse_host(given)
    assert "secret" not in str(caught.value)


def test_the_address_inside_a_cluster(tmp_path, monkeypatch):
    monkeypatch.setattr(access_module, "IN_CLUSTER_NAMESPACE", tmp_path / "namespace")
    with pytest.raises(SubmitError, match="port-forward"):
        parse_host(None)
    (tmp_path / "namespace").write_text("ana\n")
    assert parse_host(None) == access_module.IN_CLUSTER_HOST
    assert access_module.own_namespace() == "ana"


def json_web_token(**claims: object) -> str:
    def part(told: dict) -> str:
        return base64.urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip("=")

    return f"{part({'alg': 'RS256'})}.{part(claims)}.c2lnbmF0dXJl"


def test_tokens(tmp_path, monkeypatch):
    monkeypatch.setattr(token_module, "IN_CLUSTER_TOKEN", tmp_path / "mounted")
    monkeypatch.delenv("KFP_EXISTING_TOKEN", raising=False)
    assert find_token(None) is None
    (tmp_path / "mounted").write_text("of-the-pod")
    assert find_token(None).read() == "of-the-pod"
    monkeypatch.setenv("KFP_EXISTING_TOKEN", "of-the-environment")
    assert find_token(None).read() == "of-the-environment"
    file = tmp_path / "token"
    file.write_text("Bearer of-the-file\n")
    token = find_token(file)
    assert token.read() == "of-the-file" and "of-the" not in repr(Access("http://h", token=token))
    file.write_text("renewed")
    assert token.read() == "renewed"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"one\ntwo", "more than one token"),
        ("tok\u00e9n".encode(), "characters"),
        (b"\xff\xff", "no text"),
        (json_web_token(exp=1_600_000_000).encode(), "expired at 2020"),
        (None, "cannot be read"),
    ],
)
def test_tokens_that_cannot_be_used(tmp_path, content, said):
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SubmitError, match=said):
        find_token(file)


def test_a_token_that_has_not_expired_or_does_not_say():
    for claims in ({"exp": time.time() + 60}, {}, {"exp": "soon"}):
        assert Token("x", text=json_web_token(**claims)).read()
    assert Token("x", text="a.b.c").read() == "a.b.c"


def test_cookies_and_certificates(tmp_path, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    file = tmp_path / "file"
    file.write_text("authservice_session=abc; other=d\n")
    assert read_cookie(file) == "authservice_session=abc; other=d"
    assert read_cookie(None) == "" and find_certificates(None) is None
    for content in ("", "abc", "a=b\nc=d"):
        file.write_text(content)
        with pytest.raises(SubmitError, match="--cookie-file"):
            read_cookie(file)
        with pytest.raises(SubmitError, match="--ca-cert"):
            find_certificates(file)
    with pytest.raises(SubmitError, match="cannot be read"):
        read_cookie(tmp_path / "none")
    with pytest.raises(SubmitError, match=r"--ca-cert .*cannot be read"):
        find_certificates(tmp_path / "none")
    monkeypatch.setenv("SSL_CERT_FILE", os.fspath(file))
    with pytest.raises(SubmitError, match="SSL_CERT_FILE"):
        find_certificates(None)


@pytest.mark.parametrize(
    ("host", "is_open"),
    [
        ("http://kf.example.org", True),
        ("https://kf.example.org", False),
        ("http://localhost:8080", False),
        ("http://ml-pipeline.kubeflow.svc.cluster.local:8888", False),
    ],
)
def test_when_a_secret_would_be_sent_in_the_open(host, is_open):
    assert Access(host, token=Token("x", text="y")).is_open is is_open
    assert not Access(host).is_open
