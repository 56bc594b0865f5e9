import dataclasses
import hashlib
import subprocess
import sys
import time
from pathlib import Path

import pytest
from stored_weights import WRITERS, write_legacy

from trainer.backbones.names import FACTS
from trainer.weights import preflight as weights_preflight
from trainer.weights.imagenet import checkpoint_path
from trainer.weights.layout import weights_layout
from trainer.weights.preflight import imagenet_weights_problem, is_reachable, keras_cache

PROJECT = Path(__file__).resolve().parent.parent.parent.parent
HDF5 = b"\x89HDF\r\n\x1a\n"


@pytest.fixture
def offline(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(weights_preflight, "is_reachable", lambda url: False)
    return tmp_path


@pytest.mark.parametrize("backbone", ["EfficientNetB7", "EfficientNetLite0", "TinyConv"])
def test_random_weights_are_no_problem(offline, backbone):
    assert imagenet_weights_problem(backbone, "none") is None


def test_installed_weights_are_no_problem(offline):
    assert imagenet_weights_problem("EfficientNetLite2", "imagenet") is None


def test_offline_the_sentence_says_what_to_do(offline):
    problem = imagenet_weights_problem("EfficientNetB7", "imagenet")
    assert "\n" not in problem
    for part in (
        "downloaded on first use",
        "`galmorph fetch weights EfficientNetB7`",
        "storage.googleapis.com",
        'weights = "path/to/efficientnetb7_notop.h5"',
        str(offline / "models" / "efficientnetb7_notop.h5"),
        "EfficientNetLite0, EfficientNetLite1, EfficientNetLite2",
    ):
        assert part in problem


def test_online_nothing_is_said(offline, monkeypatch):
    asked = []
    monkeypatch.setattr(weights_preflight, "is_reachable", lambda url: asked.append(url) or True)
    assert imagenet_weights_problem("EfficientNetB0", "imagenet") is None
    assert asked == ["https://storage.googleapis.com/keras-applications/efficientnetb0_notop.h5"]


def test_a_cached_file_counts_only_if_it_is_whole(offline, monkeypatch):
    cached = keras_cache() / "efficientnetb0_notop.h5"
    cached.parent.mkdir()
    cached.write_bytes(HDF5 + b"half of it")
    assert f"{cached} is missing or incomplete" in imagenet_weights_problem("EfficientNetB0", "imagenet")
    facts = weights_preflight.FACTS["EfficientNetB0"]
    whole = hashlib.md5(cached.read_bytes()).hexdigest()
    monkeypatch.setitem(
        weights_preflight.FACTS, "EfficientNetB0", dataclasses.replace(facts, keras_md5=whole)
    )
    assert imagenet_weights_problem("EfficientNetB0", "imagenet") is None


def test_the_cache_is_that_of_keras(monkeypatch):
    monkeypatch.delenv("KERAS_HOME", raising=False)
    assert keras_cache().name == "models" and keras_cache().parent.name == ".keras"


def test_an_address_that_does_not_answer_costs_little_time():
    begun = time.monotonic()
    assert not is_reachable("http://127.0.0.1:9/nothing", timeout=1.0)
    assert not is_reachable("no address at all", timeout=1.0)
    assert time.monotonic() - begun < 3


def test_a_tiny_network_has_no_learned_weights(offline):
    assert 'weights = "none"' in imagenet_weights_problem("TinyConv", "imagenet")


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_that_fits_is_no_problem(tmp_path, name):
    WRITERS[name](tmp_path / name, weights_layout("EfficientNetB7"))
    assert imagenet_weights_problem("EfficientNetB7", str(tmp_path / name)) is None


def test_the_installed_file_by_its_path():
    path = str(checkpoint_path(FACTS["EfficientNetLite0"]))
    assert imagenet_weights_problem("EfficientNetLite0", path) is None
    assert imagenet_weights_problem("EfficientNetLite1", path).startswith(
        f"[model] weights: {path} holds weights of EfficientNetLite0, not of EfficientNetLite1: "
    )


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (None, b"", "there is no file"),
        ("w.h5", b"hello", "its content is neither"),
        ("w.h5", b"", "its content is neither"),
        ("w.keras", HDF5, "that of a .h5 file"),
        ("w.h5", HDF5, "is cut short or damaged"),
        ("w.keras", b"PK\x03\x04", "is cut short or damaged"),
        ("w.pth", b"x", "is a .pth file"),
    ],
)
def test_files_that_hold_no_weights(tmp_path, name, content, message):
    path = tmp_path / (name or "absent.h5")
    if name:
        path.write_bytes(content)
    problem = imagenet_weights_problem("EfficientNetB7", str(path))
    assert problem.startswith("[model] weights: ") and str(path) in problem and "\n" not in problem
    assert message in problem


def test_weights_of_another_network(tmp_path):
    path = tmp_path / "efficientnetb3_notop.h5"
    write_legacy(path, weights_layout("EfficientNetB3"))
    assert imagenet_weights_problem("EfficientNetB7", str(path)) == (
        f"[model] weights: {path} holds weights of EfficientNetB3, not of EfficientNetB7: "
        "layer stem_conv has shape (3, 3, 3, 40) where (3, 3, 3, 64) is needed"
    )


def test_the_command_line_stays_light(tmp_path):
    path = tmp_path / "w.h5"
    write_legacy(path, weights_layout("TinyConv"))
    code = (
        "import sys; from trainer.weights.preflight import imagenet_weights_problem; "
        f"assert imagenet_weights_problem('TinyConv', {str(path)!r}) is None; "
        "assert not {'tensorflow', 'keras', 'h5py', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=True)


def test_a_folder_is_no_file(tmp_path):
    assert "there is no file" in imagenet_weights_problem("EfficientNetB0", str(tmp_path))


def test_the_hash_of_a_file_is_checked(tmp_path):
    path = tmp_path / "w.h5"
    write_legacy(path, weights_layout("EfficientNetB0"))
    right = hashlib.sha256(path.read_bytes()).hexdigest()
    assert imagenet_weights_problem("EfficientNetB0", str(path), right.upper()) is None
    problem = imagenet_weights_problem("EfficientNetB0", str(path), "0" * 64)
    assert problem.endswith(f"has SHA-256 {right}, but weights_sha256 = {'0' * 64}")
