"""OpenVINO in place of TensorFlow: the same answers, and clear refusals."""

import json
import subprocess
import sys
import threading
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from served import galaxies, publish

if find_spec("openvino") is None:
    pytest.skip("the extra galmorph[openvino] is not installed", allow_module_level=True)

from catalog.backends import openvino_network
from catalog.backends.graph import network_graph, with_network
from catalog.backends.openvino_network import OpenVinoNetwork, converted, usable_cores
from catalog.classifier import Classifier, ModelSpec
from catalog.errors import CatalogError
from serving.predict.classifier import Answer


@pytest.fixture(scope="module")
def spec(model: Path) -> ModelSpec:
    return ModelSpec(str(model / "3"), "3-abc")


@pytest.fixture(scope="module")
def content(spec: ModelSpec) -> bytes:
    return converted(network_graph(spec.path, spec.signature)[0])


@pytest.fixture
def exported(spec: ModelSpec, content: bytes, tmp_path: Path) -> ModelSpec:
    (tmp_path / "network.zip").write_bytes(content)
    return replace(spec, backend="openvino", network=str(tmp_path / "network.zip"))


@pytest.fixture(scope="module")
def flux() -> np.ndarray:
    """Eleven galaxies: no multiple of a batch; one shows nothing, one has blank pixels."""
    flux = galaxies(11)
    flux[4] = 3.0
    flux[5, :9, :9] = np.nan
    return flux


def assert_alike(found: Answer, expected: Answer) -> None:
    np.testing.assert_allclose(found.p_elliptical, expected.p_elliptical, atol=1e-5)
    np.testing.assert_allclose(found.novelty_distance, expected.novelty_distance, rtol=1e-3)
    assert found.morphology == expected.morphology
    assert found.version == expected.version


def test_the_answers_are_those_of_the_saved_model(exported, spec, flux):
    expected, _ = Classifier(spec).classify(flux)
    found, extra = Classifier(replace(exported, columns=("entropy",))).classify(flux)
    assert_alike(found, expected)
    assert np.isnan(found.p_elliptical[4])
    assert np.isfinite(np.delete(found.p_elliptical, 4)).all()
    assert extra["entropy"].shape == (11,)


def test_one_process_can_hold_several_models(exported, flux, tmp_path):
    other = ModelSpec(str(publish(tmp_path / "models" / "4", seed=5)), "4")
    (tmp_path / "other.zip").write_bytes(converted(network_graph(other.path, other.signature)[0]))
    first = Classifier(exported)
    before, _ = first.classify(flux)
    second = Classifier(replace(other, backend="openvino", network=str(tmp_path / "other.zip")))
    found, _ = second.classify(flux)
    expected, _ = Classifier(other).classify(flux)
    np.testing.assert_allclose(found.p_elliptical, expected.p_elliptical, atol=1e-5)
    assert np.isnan(found.novelty).all()
    after, _ = first.classify(flux)
    np.testing.assert_array_equal(after.p_elliptical, before.p_elliptical)


def test_several_threads_may_classify_at_once(exported, flux):
    classifier = Classifier(exported)
    expected = [classifier.classify(flux[start:])[0].p_elliptical for start in range(8)]
    found: dict[int, np.ndarray] = {}

    def work(start: int) -> None:
        found[start] = classifier.classify(flux[start:])[0].p_elliptical

    threads = [threading.Thread(target=work, args=(start,)) for start in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for start in range(8):
        np.testing.assert_array_equal(found[start], expected[start])


@pytest.mark.parametrize("count", [1, 3, 4, 5, 9])
def test_each_picture_has_its_own_answer_in_a_batch_of_any_size(content, count):
    pictures = np.random.default_rng(count).uniform(0, 255, (count, 32, 32, 3)).astype("f4")
    network = OpenVinoNetwork(content, "float32", threads=2)
    together = network(pictures)[0]
    alone = np.concatenate([network(pictures[place : place + 1])[0] for place in range(count)])
    assert together.shape == (count, 2)
    np.testing.assert_array_equal(together, alone)


def test_the_rest_of_the_model_stays_as_it_is(spec, flux):
    seen = []

    def network(pictures: np.ndarray) -> list[np.ndarray]:
        seen.append(pictures)
        p = np.linspace(0, 1, len(pictures))
        answers = np.stack([p, np.full_like(p, 1e6)], axis=-1).astype("f4")
        # The probability of each model and the embedding, which this signature leaves out.
        return [answers, answers[:, :1], answers]

    found = with_network(spec.path, spec.signature, network)(flux)
    pictures = np.concatenate(seen)
    assert pictures.shape == (11, 32, 32, 3)
    np.testing.assert_array_equal(pictures, np.round(pictures))
    assert 0 <= pictures.min() < pictures.max() <= 255
    expected = np.linspace(0, 1, 11).astype("f4")
    expected[4] = np.nan
    np.testing.assert_array_equal(found["p_elliptical"], expected)
    words = ["spiral"] * 3 + ["uncertain"] * 5 + ["elliptical"] * 3
    assert [word.decode() for word in found["morphology"]] == words
    np.testing.assert_array_equal(found["novelty"], np.ones(11, "f4"))


def test_a_damaged_network_is_refused(exported):
    Path(exported.network).write_bytes(Path(exported.network).read_bytes()[:1000])
    with pytest.raises(CatalogError, match="OpenVINO cannot load the network"):
        Classifier(exported)


def test_a_missing_network_is_refused(exported, tmp_path):
    with pytest.raises(CatalogError, match=r"gone\.zip is missing"):
        Classifier(replace(exported, network=f"{tmp_path}/gone.zip"))


def test_a_model_without_the_signature_is_refused(spec, tmp_path):
    with pytest.raises(CatalogError, match="no signature describe_stars"):
        network_graph(spec.path, "describe_stars")


def test_a_model_whose_network_is_no_function_is_refused(tmp_path):
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32, name="flux")])
    def classify_flux(flux: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"p_elliptical": tf.reduce_mean(flux, axis=(1, 2, 3))}

    tf.saved_model.save(tf.Module(), str(tmp_path / "m"), signatures={"classify_flux": classify_flux})
    with pytest.raises(CatalogError, match="works with --backend tensorflow only"):
        network_graph(str(tmp_path / "m"), "classify_flux")


def test_values_that_the_network_captures_are_converted(tmp_path):
    """EfficientNetB0 to B7 begin with ImageNet's mean, which is a constant of the caller and no variable."""
    import tensorflow as tf

    mean, scale = tf.constant([1.0, 2.0, 3.0]), tf.Variable(2.0)
    pictures = tf.TensorSpec([None, 4, 4, 3], tf.float32)

    @tf.function(input_signature=[pictures], autograph=False)
    def network(pictures: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean((pictures - mean) * scale * scale, axis=(1, 2))

    @tf.function(input_signature=[tf.TensorSpec([None, 4, 4, 3], tf.float32, name="flux")], autograph=False)
    def classify_flux(flux: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"p_elliptical": network(flux + 1.0)[:, 0]}

    module = tf.Module()
    module.kept = [scale]
    tf.saved_model.save(module, str(tmp_path / "m"), signatures={"classify_flux": classify_flux})
    graph, shape = network_graph(str(tmp_path / "m"), "classify_flux")
    assert shape == (4, 4, 3)
    given = np.random.default_rng(0).normal(0, 1, (5, 4, 4, 3)).astype("f4")
    (found,) = OpenVinoNetwork(converted(graph), "float32")(given)
    np.testing.assert_allclose(found, (given - [1, 2, 3]).mean(axis=(1, 2)) * 4, rtol=1e-5, atol=1e-5)


def test_bfloat16_is_refused_where_the_processor_lacks_it(exported, monkeypatch):
    monkeypatch.setattr(openvino_network, "_has_bfloat16", lambda core: False)
    assert openvino_network.fastest_precision() == "float32"
    with pytest.raises(CatalogError, match="does not compute in bfloat16: --precision float32"):
        Classifier(replace(exported, precision="bfloat16"))


def test_without_the_package_the_extra_is_named(exported, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(CatalogError, match=r"pip install 'galmorph\[openvino\]'"):
        Classifier(exported)


@pytest.mark.parametrize(
    ("text", "cores"),
    [("max 100000", 8), ("250000 100000", 3), ("50000 100000", 1), ("1600000 100000", 8), ("nonsense", 8)],
)
def test_threads_are_those_that_the_control_group_allows(tmp_path, monkeypatch, text, cores):
    (tmp_path / "cpu.max").write_text(text + "\n")
    monkeypatch.setattr(openvino_network, "_CGROUPS", str(tmp_path))
    monkeypatch.setattr(openvino_network.os, "sched_getaffinity", lambda process: set(range(8)))
    assert usable_cores() == cores


def test_threads_of_the_first_version_of_control_groups(tmp_path, monkeypatch):
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu/cpu.cfs_quota_us").write_text("200000\n")
    (tmp_path / "cpu/cpu.cfs_period_us").write_text("100000\n")
    monkeypatch.setattr(openvino_network, "_CGROUPS", str(tmp_path))
    monkeypatch.setattr(openvino_network.os, "sched_getaffinity", lambda process: set(range(8)))
    assert usable_cores() == 2


def test_openvino_sends_no_messages_about_its_use():
    code = (
        "from catalog.backends.openvino_network import openvino; openvino(); import sys;"
        "print([name for name in sys.modules if 'telemetry' in name and sys.modules[name] is not None])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.strip().splitlines()[-1]
    assert "openvino_telemetry" not in loaded.replace("openvino.tools", "")


def test_the_description_of_the_model_is_not_needed_to_convert(spec, tmp_path):
    assert json.loads(Path(spec.path, "assets.extra/galmorph.json").read_text())["chunk"] > 0
    graph, shape = network_graph(spec.path, spec.signature)
    assert shape == (32, 32, 3)
    assert {node.op for node in graph.node} == {"Placeholder", "StatefulPartitionedCall", "Identity"}
    assert not [n for f in graph.library.function for n in f.node_def if n.op == "ReadVariableOp"]
