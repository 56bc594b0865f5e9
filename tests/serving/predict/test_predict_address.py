"""Addresses and tokens."""

import pytest

from serving.predict.address import check_certificate, parse_address, read_token
from serving.predict.errors import PredictError


@pytest.mark.parametrize(
    ("text", "base", "name", "version"),
    [
        ("http://host:8501", "http://host:8501", "galmorph", None),
        ("https://host/", "https://host", "galmorph", None),
        ("http://host:8501/v1/models/mine", "http://host:8501", "mine", None),
        ("http://host:8501/v1/models/mine/versions/12", "http://host:8501", "mine", 12),
        ("http://host:8501/v1/models/mine:predict", "http://host:8501", "mine", None),
        ("https://host/serving/v1/models/mine/", "https://host/serving", "mine", None),
        ("https://host/serving", "https://host/serving", "galmorph", None),
        ("grpc://host:9000", "grpc://host:9000", "galmorph", None),
        ("GRPCS://host", "grpcs://host:8500", "galmorph", None),
        ("grpc://[::1]:8500/v1/models/mine/versions/3", "grpc://[::1]:8500", "mine", 3),
    ],
)
def test_urls(text, base, name, version):
    address = parse_address(text)
    assert (str(address), address.name, address.version) == (base, name, version)


@pytest.mark.parametrize("text", ["models", "/data/models/3", "models:old", "./a:b/c", "models/1"])
def test_paths_are_no_urls(text):
    assert parse_address(text) is None


def test_a_file_named_like_a_host_is_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "host:8501").mkdir()
    assert parse_address("host:8501") is None


@pytest.mark.parametrize("text", ["localhost:8501", "10.0.0.1:8500", "[::1]:8500", "host:8501/v1/models/m"])
def test_a_bare_host_gets_a_question(text):
    with pytest.raises(PredictError, match=r"is this a server\? Write http://.* grpc://"):
        parse_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "ftp://host/models",
        "s3://bucket/models",
        "http://",
        "http://host:port",
        "http://host:99999",
        "http://me:secret@host",
        "http://host?token=secret",
        "grpc://host/galmorph",
        "http://host/v1/models",
    ],
)
def test_other_urls_are_refused_without_their_secrets(text):
    with pytest.raises(PredictError) as caught:
        parse_address(text)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_token_comes_from_file_or_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("GALMORPH_TOKEN", " from-environment\n")
    assert read_token(None) == "from-environment"
    (tmp_path / "token").write_text("from-file\n")
    assert read_token(tmp_path / "token") == "from-file"
    monkeypatch.delenv("GALMORPH_TOKEN")
    assert read_token(None) == ""


@pytest.mark.parametrize("content", [b"", b" \n", b"two words", b"line\nline", b"\xff\xfe", "ü".encode()])
def test_a_token_that_is_none_is_refused_and_not_shown(content, tmp_path):
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(PredictError) as caught:
        read_token(tmp_path / "token")
    assert "words" not in str(caught.value) and "line" not in str(caught.value)


def test_certificates_are_checked(tmp_path):
    (tmp_path / "pem").write_text("nothing")
    for path, words in ((tmp_path / "pem", "no certificate"), (tmp_path / "none", "cannot be read")):
        with pytest.raises(PredictError, match=words):
            check_certificate(path)
