"""Classify through servers that behave, and through servers that do not."""

import json
import shutil
import subprocess
import threading
from dataclasses import replace
from pathlib import Path

import certifi
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from fake_serving import brightness, grpc_server, rest_server
from predicted_survey import DESCRIPTION, NAMES
from starlette.responses import HTMLResponse, JSONResponse, Response

from preprocessing.planes import centre_cut
from serving.predict.address import Access, parse_address
from serving.predict.asking import Patience
from serving.predict.errors import PredictError
from serving.predict.session import Settings, earlier_subject, run_prediction
from serving.predict.target import Stamps, connect, server_target

QUICK = Patience(retries=3, first_wait=0.01, longest_wait=0.02, objects=4)
BOTH = pytest.mark.parametrize("serve", [rest_server, grpc_server])


def predict(url, template, out, *, bands=None, model=None, access=None, overwrite=False, **changes):
    settings = Settings(out, overwrite=overwrite, batch=4, workers=1, concurrency=3, patience=QUICK)
    settings = replace(settings, **changes)
    address = parse_address(url)
    earlier = earlier_subject(settings)
    server = connect(address, access or Access(deadline=60.0), settings.concurrency)
    stamps = Stamps(template)
    target = server_target(
        server, address, stamps, model=model, bands=bands, earlier=earlier, patience=settings.patience
    )
    return run_prediction(settings, target, lambda: server)


def expected(template):
    """Probabilities as the fake server computes them, from the files themselves."""
    found = {}
    for name in NAMES:
        planes = [fits.getdata(template.format(name=name, band=band)) for band in "IRG"]
        mean = np.mean([centre_cut(plane, 16) for plane in planes], dtype="f8")
        found[name] = mean / (1 + mean)
    return found


@pytest.fixture
def described(tmp_path):
    """The folder of a model, for servers that do not describe theirs."""
    folder = tmp_path / "described" / "3"
    (folder / "assets.extra").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "assets.extra" / "galmorph.json").write_text(json.dumps(DESCRIPTION))
    return folder


@BOTH
def test_every_object_gets_the_answer_for_its_own_flux(serve, fake, template, described, tmp_path):
    with serve(fake) as url:
        summary, _ = predict(url, template, tmp_path / "out.csv", model=described)
    table = Table.read(tmp_path / "out.csv", converters={"model_version": str})
    assert list(table["name"]) == NAMES
    wanted = expected(template)
    np.testing.assert_allclose(table["p_elliptical"], [wanted[name] for name in NAMES], atol=1e-6)
    np.testing.assert_allclose(table["p_spiral"], [1 - wanted[name] for name in NAMES], atol=1e-6)
    assert set(map(str, table["model_version"])) == {"3"}
    assert (summary.rows, summary.classified, summary.rejects) == (10, 10, 0)
    assert {count for _, count in fake.asked} <= {2, 4}


def test_a_server_that_describes_its_model_needs_no_options(fake, template, tmp_path):
    with rest_server(fake) as url:
        predict(url, template, tmp_path / "out.csv")
    assert {signature for signature, _ in fake.asked} == {"serving_default"}


@BOTH
def test_without_description_files_are_sent_as_they_are(serve, fake, template, tmp_path):
    fake.description = None
    Path(template.format(name="g03", band="R")).write_bytes(b"no FITS file")
    Path(template.format(name="g07", band="G")).unlink()
    with serve(fake) as url:
        with pytest.raises(PredictError, match="--bands"):
            predict(url, template, tmp_path / "out.csv")
        summary, places = predict(url, template, tmp_path / "out.csv", bands="IRG")
    assert {signature for signature, _ in fake.asked} == {"classify_fits"}
    assert (summary.classified, summary.reasons) == (8, {"refused": 1, "missing_file": 1})
    rejects = Table.read(places.rejects)
    assert list(rejects["name"]) == ["g03", "g07"]
    assert rejects["file"][0] == template.format(name="g03", band="R")
    assert rejects["message"][0] == "band R: not a FITS file; it does not begin with SIMPLE"


def test_a_position_in_a_merged_request_condemns_no_other_object(fake, template, tmp_path):
    """TF Serving merges requests when it batches; then the message may speak of another client's object."""
    from fake_serving import Refusal

    def classify(signature, inputs):
        if len(inputs) > 1:
            raise Refusal("object 2, band I: of another client; object 57, band I: too")
        return brightness(signature, inputs)

    fake.description, fake.classify = None, classify
    with rest_server(fake) as url:
        summary, _ = predict(url, template, tmp_path / "out.csv", bands="IRG")
    assert (summary.classified, summary.rejects) == (10, 0)


@BOTH
def test_a_request_above_the_limit_of_the_server_is_split(serve, fake, template, described, tmp_path):
    fake.largest = 9000 if serve is rest_server else 7000  # two objects
    with serve(fake) as url:
        summary, _ = predict(url, template, tmp_path / "out.csv", model=described)
    assert (summary.classified, summary.rejects) == (10, 0)
    assert max(count for _, count in fake.asked) == 2


def test_a_request_above_our_own_limit_is_split(fake, template, tmp_path):
    patience = replace(QUICK, size=2 * 16 * 16 * 3 * 4)
    with rest_server(fake) as url:
        predict(url, template, tmp_path / "out.csv", patience=patience)
    assert max(count for _, count in fake.asked) == 2


def test_a_server_that_takes_few_objects_gets_few(fake, template, tmp_path):
    from fake_serving import Refusal

    def classify(signature, inputs):
        if len(inputs) > 2:
            raise Refusal("Task size 4 is larger than maximum input batch size 2")
        return brightness(signature, inputs)

    fake.classify = classify
    with rest_server(fake) as url:
        summary, _ = predict(url, template, tmp_path / "out.csv", concurrency=1)
    assert summary.classified == 10
    assert [count for _, count in fake.asked] == [4, 2, 2, 2, 2, 2]


def test_a_busy_server_is_asked_again(fake, template, tmp_path):
    statuses = iter((503, 429, 503))
    fake.before = lambda number: Response(status_code=next(statuses)) if number < 3 else None
    with rest_server(fake) as url:
        summary, _ = predict(url, template, tmp_path / "out.csv", concurrency=1)
    assert (summary.classified, len(fake.asked)) == (10, 3 + 3)


def test_a_busy_grpc_server_is_asked_again(fake, template, described, tmp_path):
    def before(number):
        if number < 2:
            raise RuntimeError("UNAVAILABLE", "The batch scheduling queue is full")

    fake.before = before
    with grpc_server(fake) as url:
        summary, _ = predict(url, template, tmp_path / "out.csv", model=described, concurrency=1)
    assert (summary.classified, len(fake.asked)) == (10, 2 + 3)


def fault(url, template, out, **options):
    with pytest.raises(PredictError) as caught:
        predict(url, template, out, **options)
    assert not out.exists()
    message = str(caught.value)
    assert "\n" not in message and len(message) < 500
    return message


NONSENSE = {
    "web page": (lambda: HTMLResponse("<html><body>Sign in</body></html>"), "a web page instead of JSON"),
    "no JSON": (lambda: Response(b"\x00\x01"), "instead of JSON"),
    "a list": (lambda: JSONResponse([1]), "no JSON object"),
    "no outputs": (lambda: JSONResponse({"predictions": [1]}), "no outputs"),
    "500": (
        lambda: JSONResponse({"error": "out of luck"}, 500),
        "HTTP 500 Internal Server Error: out of luck",
    ),
    "401": (lambda: Response(status_code=401), "a token is needed"),
    "redirect": (lambda: Response(status_code=302, headers={"Location": "https://login"}), "https://login"),
}


@pytest.mark.parametrize("kind", NONSENSE)
def test_nonsense_over_http_is_one_line(kind, fake, template, tmp_path):
    answer, words = NONSENSE[kind]
    fake.before = lambda number: answer()
    with rest_server(fake) as url:
        message = fault(url, template, tmp_path / "out.csv")
    assert words in message and url in message and "10 objects" in message


CHANGES = {
    "too few": {"p_elliptical": [0.5], "p_spiral": [0.5], "morphology": ["uncertain"]},
    "beyond 1": {"p_elliptical": [1.5] * 4, "p_spiral": [-0.5] * 4, "morphology": ["spiral"] * 4},
    "no sum": {"p_elliptical": [0.5] * 4, "p_spiral": [0.6] * 4, "morphology": ["spiral"] * 4},
    "no class": {"p_elliptical": [0.5] * 4, "p_spiral": [0.5] * 4, "morphology": ["barred"] * 4},
    "no output": {"scores": [0.5] * 4},
    "texts": {"p_elliptical": ["a"] * 4, "p_spiral": [0.5] * 4, "morphology": ["spiral"] * 4},
    "arrays": {"p_elliptical": [[0.5]] * 4, "p_spiral": [0.5] * 4, "morphology": ["spiral"] * 4},
    "novelty": {
        "p_elliptical": [0.5] * 4,
        "p_spiral": [0.5] * 4,
        "morphology": ["spiral"] * 4,
        "novelty": [7.0] * 4,
    },
}


@pytest.mark.parametrize("kind", CHANGES)
def test_an_answer_of_no_galmorph_model_is_refused(kind, fake, template, tmp_path):
    fake.classify = lambda signature, inputs: CHANGES[kind]
    with rest_server(fake) as url:
        message = fault(url, template, tmp_path / "out.csv")
    assert url in message
    assert ("answers nonsense" in message) or ("is not a model of galmorph" in message)


def test_an_object_without_probability_is_a_reject(fake, template, tmp_path):
    def classify(signature, inputs):
        outputs = brightness(signature, inputs)
        for name in ("p_elliptical", "p_spiral"):
            outputs[name][1] = float("nan")
        return outputs

    fake.classify = classify
    with rest_server(fake) as url:
        summary, _ = predict(url, template, tmp_path / "out.csv")
    assert summary.reasons == {"no_probability": 3}
    assert summary.classified == 7


def test_novelty_is_written_where_the_model_gives_it(fake, template, tmp_path):
    def classify(signature, inputs):
        more = {"novelty": [0.5, 0.995, 0.98, 0.99][: len(inputs)], "novelty_distance": [1.5] * len(inputs)}
        return brightness(signature, inputs) | more

    fake.classify = classify
    with rest_server(fake) as url:
        summary, places = predict(url, template, tmp_path / "out.ecsv")
    table = Table.read(places.table)
    assert table.colnames[-2:] == ["novelty", "novelty_distance"]
    assert list(table["flags"]) == [16, 16 + 64] * 5  # the stamps are noise
    assert summary.flags == {"faint": 10, "unlike": 5}


@BOTH
def test_a_server_that_is_down_is_one_line(serve, fake, template, described, tmp_path):
    with serve(fake) as url:
        pass
    message = fault(url, template, tmp_path / "out.csv", model=described, patience=replace(QUICK, retries=1))
    assert url in message and "does not answer" in message


@BOTH
def test_a_slow_server_is_one_line(serve, fake, template, described, tmp_path):
    release = threading.Event()
    fake.before = lambda number: release.wait(3) and None
    patience = replace(QUICK, retries=1)
    options = {"access": Access(deadline=0.3), "patience": patience, "model": described}
    with serve(fake) as url:
        message = fault(url, template, tmp_path / "out.csv", **options)
        release.set()
    assert "did not answer within 0.3 s" in message


def test_the_wrong_port_is_named(fake, template, described, tmp_path):
    with grpc_server(fake) as url:
        message = fault(url.replace("grpc", "http"), template, tmp_path / "out.csv", model=described)
        assert "is it the gRPC port" in message
    with rest_server(fake) as url:
        message = fault(url.replace("http", "grpc"), template, tmp_path / "out.csv", model=described)
        assert "is it the REST port" in message
        message = fault(url.replace("http", "https"), template, tmp_path / "out.csv", model=described)
        assert "is it http://?" in message


@BOTH
def test_an_unknown_model_is_one_line(serve, fake, template, described, tmp_path):
    with serve(fake) as url:
        message = fault(f"{url}/v1/models/half_plus_two", template, tmp_path / "out.csv", model=described)
        assert "no model 'half_plus_two'" in message
        message = fault(
            f"{url}/v1/models/galmorph/versions/8", template, tmp_path / "out.csv", model=described
        )
        assert "no version 8" in message and "3" in message
        fake.versions = []
        assert "that is ready" in fault(url, template, tmp_path / "out.csv", model=described)


@BOTH
def test_a_version_that_vanishes_stops_and_another_is_not_mixed(serve, fake, template, described, tmp_path):
    def before(number):
        if number == 2:
            fake.versions = [4]

    fake.before = before
    out = tmp_path / "out.csv"
    options = {"model": described, "concurrency": 1}
    with serve(fake) as url:
        message = fault(url, template, out, **options)
        assert "no longer has version 3" in message and "8 of 10 objects are done" in message
        assert "when the version is back, or --overwrite" in message
        message = fault(url, template, out, **options)
        assert "another model version (3, now 4)" in message and "--overwrite" in message
        fake.versions = [3, 4]  # the version it was begun with is there again
        fake.before = lambda number: None
        fake.asked.clear()
        summary, _ = predict(url, template, out, **options)
        assert summary.model["versions"] == {"3": 10}
        assert sum(count for _, count in fake.asked) == 2
        summary, _ = predict(url, template, out, overwrite=True, **options)
        assert summary.model["versions"] == {"4": 10}


def test_a_vanished_server_leaves_what_was_done_and_the_same_command_goes_on(fake, template, tmp_path):
    fake.before = lambda number: Response(status_code=503) if number >= 1 else None
    out = tmp_path / "out.fits"
    with rest_server(fake) as url:
        message = fault(url, template, out, concurrency=1)
        assert "4 of 10 objects are done, run the same command again to go on" in message
        fake.before = lambda number: None
        fake.asked.clear()
        summary, places = predict(url, template, out, concurrency=1)
    assert sum(count for _, count in fake.asked) == 6
    assert summary.classified == 10
    wanted = expected(template)
    table = Table.read(places.table)
    np.testing.assert_allclose(table["p_elliptical"], [wanted[name] for name in NAMES], atol=1e-6)
    assert not places.journal.exists()


def test_the_token_is_sent_and_never_shown(fake, template, described, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    access = Access(deadline=5.0, token="s3cret")
    with rest_server(fake) as url:
        predict(url, template, tmp_path / "out.csv", access=access)
        assert {headers["authorization"] for headers in fake.headers} == {"Bearer s3cret"}
        fake.before = lambda number: Response(status_code=403)
        message = fault(url, template, tmp_path / "again.csv", access=access)
    fake.headers.clear()
    fake.before = lambda number: None
    with grpc_server(fake) as url:
        predict(url, template, tmp_path / "grpc.csv", access=access, model=described)
    assert fake.headers[0]["authorization"] == "Bearer s3cret"
    assert "s3cret" not in message + repr(access)
    assert all("s3cret" not in path.read_text() for path in tmp_path.glob("*.csv*"))


@pytest.fixture
def certificate(tmp_path):
    """A self-signed certificate for 127.0.0.1, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    key, pem = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=test",
        "-addext",
    ]
    command += ["subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(pem)]
    subprocess.run(command, check=True, capture_output=True)
    return pem, key


def test_tls_needs_a_trusted_certificate(fake, template, certificate, tmp_path, monkeypatch):
    pem, key = certificate
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certifi.where())  # must not win over the option
    with rest_server(fake, ssl_certfile=str(pem), ssl_keyfile=str(key)) as url:
        message = fault(url, template, tmp_path / "out.csv")
        assert "the TLS connection failed" in message and "--ca-certificate" in message
        summary, _ = predict(url, template, tmp_path / "out.csv", access=Access(5.0, pem))
    assert summary.classified == 10
