"""The trial of good, broken and contradictory models in a process with TensorFlow alone."""

import contextlib
import json
import os
import shutil
import signal

import numpy as np
import pytest
import tensorflow as tf
from tried_models import asked, description, export, records, save

from serving.validation.process import ProcessServer
from serving.validation.served import Patience, Refused, ServerFailed
from serving.validation.trial import TOLERANCE, try_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("trial")


@pytest.fixture(scope="module")
def model(folder):
    return export(folder / "model")


@pytest.fixture(scope="module")
def galaxies(folder):
    return records(folder, 70)


@pytest.fixture(scope="module")
def sample(model, galaxies):
    return asked(model, galaxies)


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    monkeypatch.setattr("serving.validation.latency.ENOUGH_SECONDS", 0.1)


@pytest.fixture(scope="module")
def running(model, tmp_path_factory):
    """A server that was started in a folder with modules of the names that it imports."""
    folder = tmp_path_factory.mktemp("hostile")
    for name in ("tensorflow", "time", "numpy"):
        (folder / f"{name}.py").write_text("raise SystemExit('imported from the working folder')\n")
    with contextlib.chdir(folder), ProcessServer(model, Patience()) as server:
        yield server


def tried(model, sample, **options):
    return try_model(model, description(model), sample, ProcessServer, **options)


def test_a_good_model_is_blessed_and_measured(model, sample):
    trial = tried(model, sample)
    assert trial.blessed and not trial.reasons and not trial.notes
    answered = {"serving_default": 70, "classify_flux": 70, "describe_flux": 70}
    assert trial.compared == {**answered, "classify_fits": 64}
    assert max(trial.largest_difference.values()) <= TOLERANCE
    assert trial.refused == 16
    assert trial.version == f"TensorFlow {tf.__version__}" and trial.server == "python"
    assert 0 < trial.load_seconds < 60 and 50 << 20 < trial.peak_memory < 4 << 30
    assert 0 < trial.latency["1"]["median"] <= trial.latency["1"]["p99"] < trial.latency["64"]["p99"]
    assert json.loads(json.dumps(trial.dump()))["blessed"] is True


@pytest.mark.parametrize(
    ("flux", "same"),
    [
        ({"zero_points": "header"}, True),
        ({"background": "sigma_clip", "zero_points": {"I": 20.0, "R": 21.5, "G": 22.0}}, False),
    ],
)
def test_files_follow_the_flux_rules_of_the_model(folder, galaxies, flux, same):
    model = export(folder / f"rules-{same}", flux=flux, limits={"max_blank": 0.2, "max_saturated": 0.05})
    trial = tried(model, asked(model, galaxies[:9]))
    assert trial.blessed, trial.reasons
    assert trial.compared["classify_fits"] == 9 and bool(trial.notes) != same


def test_a_model_of_cubes_is_tried_without_files(running, model, sample):
    about = description(model)
    about["limits"]["cubes"] = True
    trial = try_model(model, about, sample, lambda *_: Lenient(running, unchanged))
    assert trial.blessed and "classify_fits" not in trial.compared and "cubes" in trial.notes[0]


def test_a_galaxy_without_signal_has_no_probability_in_any_signature(running, model, galaxies):
    example = tf.train.Example.FromString(galaxies[1])
    for band in "IRG":
        example.features.feature[f"flux_{band}"].bytes_list.value[0] = np.zeros((44, 44), "<f4").tobytes()
    sample = asked(model, [galaxies[0], example.SerializeToString(), galaxies[2]])
    trial = tried_again(running, model, sample)
    assert trial.blessed, trial.reasons
    answered = {"serving_default": 3, "classify_flux": 3, "describe_flux": 3}
    assert trial.compared == {**answered, "classify_fits": 2}


def test_answers_that_differ_from_the_evaluation_are_named(running, model, sample):
    moved = sample.expected.copy()
    moved[5] += 0.25
    changed = type(sample)(sample.names, sample.examples, sample.flux, moved)
    trial = tried_again(running, model, changed)
    assert not trial.blessed and trial.latency == {}
    assert "serving_default" in trial.reasons[0] and " g5 " in trial.reasons[0]
    assert trial.largest_difference["serving_default"] == pytest.approx(0.25, abs=1e-6)


def test_signatures_of_two_models_disagree(folder, model, sample):
    one, other = (tf.saved_model.load(str(path)) for path in (model, export(folder / "other", seed=2)))
    mixed = {**one.signatures, "classify_flux": other.signatures["classify_flux"]}
    trial = tried(save(folder / "mixed", model, mixed, tracked=(one, other)), sample)
    assert not trial.blessed and trial.reasons[0].startswith("classify_flux gives ")
    assert (
        trial.largest_difference["serving_default"] <= TOLERANCE < trial.largest_difference["classify_flux"]
    )


def test_a_missing_signature_is_named(folder, model, sample):
    one = tf.saved_model.load(str(model))
    two = {name: one.signatures[name] for name in ("serving_default", "classify_flux")}
    trial = tried(save(folder / "two", model, two, tracked=(one,)), sample)
    assert [reason.split()[2] for reason in trial.reasons] == ["classify_fits", "describe_flux"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda path: (path / "saved_model.pb").write_bytes(b"no graph"), "the model does not load: "),
        (lambda path: _cut(path / "variables/variables.data-00000-of-00001"), "the model does not load: "),
    ],
)
def test_a_damaged_model_does_not_load(model, sample, tmp_path, change, said):
    about = description(model)
    broken = shutil.copytree(model, tmp_path / "broken")
    change(broken)
    (reason,) = try_model(broken, about, sample, ProcessServer).reasons
    assert reason.startswith(said) and "\n" not in reason


def _cut(path):
    path.write_bytes(path.read_bytes()[:100])


def test_a_model_that_needs_python_does_not_load_or_answer(folder, model, sample):
    one = tf.saved_model.load(str(model))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serving_default(examples):
        p = tf.numpy_function(lambda records: np.zeros(len(records), "f4"), [examples], tf.float32)
        p.set_shape([None])
        return {"p_elliptical": p, "p_spiral": 1 - p, "morphology": tf.fill(tf.shape(p), "spiral")}

    signatures = {**one.signatures, "serving_default": serving_default}
    trial = tried(save(folder / "python", model, signatures, tracked=(one,)), sample)
    assert not trial.blessed and "serving_default refuses galaxies of the run" in trial.reasons[0]


class Impatient(ProcessServer):
    """Loads in time, and does not wait for answers."""

    def __enter__(self):
        server = super().__enter__()
        self._patience = Patience(300, 0.0)
        return server


def test_a_server_that_hangs_is_ended(model, sample):
    trial = tried(model, sample, patience=Patience(0.01, 0.01))
    assert trial.reasons == ["the server was still loading the model after 0.01 s ([serving] timeout)"]
    server = Impatient(model, Patience())
    trial = try_model(model, description(model), sample, lambda *_: server)
    assert trial.reasons == ["the server was still answering serving_default after 0 s ([serving] timeout)"]
    with pytest.raises(ProcessLookupError):
        os.kill(server.pid, 0)


class Killed(ProcessServer):
    """Dies at the first FITS file, as if the model had crashed it."""

    def ask(self, signature, inputs):
        if signature == "classify_fits":
            os.kill(self.pid, signal.SIGKILL)
        return super().ask(signature, inputs)


def test_a_server_that_dies_is_a_result(model, sample):
    (reason,) = try_model(model, description(model), sample, Killed).reasons
    assert reason == "the server ended with SIGKILL while answering classify_fits"


class Lenient:
    """A server in front of another, which changes what it says."""

    kind = version = "lenient"
    load_seconds = 1.0

    def __init__(self, server, change):
        self.server, self.change, self.signatures = server, change, server.signatures

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def peak_memory(self):
        return None

    def ask(self, signature, inputs):
        return self.change(self.server, signature, inputs)


def unchanged(server, signature, inputs):
    return server.ask(signature, inputs)


def tried_again(running, model, sample, change=unchanged):
    """A trial in the server that runs already."""
    return try_model(model, description(model), sample, lambda *_: Lenient(running, change))


def accepts_everything(server, signature, inputs):
    try:
        return server.ask(signature, inputs)
    except Refused:
        return {}, 0.0


def says_nothing(server, signature, inputs):
    try:
        return server.ask(signature, inputs)
    except Refused:
        raise Refused("") from None


def wrong_class(server, signature, inputs):
    answer, seconds = server.ask(signature, inputs)
    return {**answer, "morphology": np.full(len(answer["morphology"]), b"star")}, seconds


def wrong_sum(server, signature, inputs):
    answer, seconds = server.ask(signature, inputs)
    return {**answer, "p_spiral": answer["p_elliptical"]}, seconds


def one_answer(server, signature, inputs):
    answer, seconds = server.ask(signature, inputs)
    return {name: value[:1] for name, value in answer.items()}, seconds


@pytest.mark.parametrize(
    ("change", "said", "times"),
    [
        (accepts_everything, "in place of refusing", 16),
        (says_nothing, "without a message", 16),
        (wrong_class, " star at a probability of ", 4),
        (wrong_sum, "do not add up to 1", 4),
        (one_answer, "of shape (1,) for 64 galaxies", 2),
    ],
)
def test_answers_that_no_client_could_use_are_reasons(running, model, sample, change, said, times):
    trial = tried_again(running, model, sample, change)
    assert len(trial.reasons) == times and all(said in reason for reason in trial.reasons)


def test_an_error_does_not_end_the_server_and_its_message_is_on_one_line(running, sample):
    bad = np.full((2, 3), b"no FITS", object)
    with pytest.raises(Refused, match="object 1, band ") as refused:
        running.ask("classify_fits", {"fits": bad})
    assert "\n" not in str(refused.value)
    with pytest.raises(Refused):
        running.ask("classify_flux", {"flux": np.zeros((1, 50, 50, 4), "f4")})
    answer, _ = running.ask("serving_default", {"examples": sample.examples[:3]})
    assert answer["p_elliptical"] == pytest.approx(sample.expected[:3], abs=TOLERANCE)


def test_a_model_without_galaxies_is_not_blessed(running, model, sample):
    none = type(sample)([], sample.examples[:0], sample.flux[:0], sample.expected[:0])
    assert tried_again(running, model, none).reasons == ["there is no galaxy to send"]


def test_a_process_that_cannot_start_is_a_result(model, sample, monkeypatch, tmp_path):
    monkeypatch.setattr("serving.validation.process.sys.executable", "/bin/false")
    (reason,) = tried(model, sample).reasons
    assert reason == "the server ended with status 1 while loading the model"
    with pytest.raises(ServerFailed), ProcessServer(model, Patience()):
        pass
