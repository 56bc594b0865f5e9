"""The page in a real browser."""

import numpy as np
import pytest
import requests
from chromium import browser
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait
from served import fits_bytes, galaxies, publish, serving

pytestmark = pytest.mark.slow  # a server in a process of its own

FLUX = galaxies(1, side=60)[0]


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    folder = tmp_path_factory.mktemp("survey")
    for place, band in enumerate("IRG"):
        (folder / f"ngc_{band}.fits").write_bytes(fits_bytes(FLUX[..., place]))
    # A name that would be markup if it were not escaped.
    (folder / "<img src=x onerror=alert(1)>.fits").write_bytes(b"no FITS")
    (folder / "plain.fits").write_bytes(fits_bytes(FLUX[..., 1], FILTER="R"))
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory, survey):
    models = tmp_path_factory.mktemp("published") / "models"
    publish(models / "1", seed=1, with_novelty=True)
    with serving(models, "--stamps", str(survey / "{name}_{band}.fits")) as running:
        yield running


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("profile"), "--window-size=1000,1000") as started:
        yield started


@pytest.fixture
def page(chromium, server):
    chromium.get(server.url + "/")
    return chromium


def choose(page, survey, *names):
    page.find_element(By.ID, "files").send_keys("\n".join(str(survey / name) for name in names))


def wait(page, condition):
    return WebDriverWait(page, 20).until(condition)


def text(page, name):
    return page.find_element(By.ID, name).text


def result(page):
    wait(page, lambda _: page.find_element(By.ID, "result").is_displayed())
    return dict(
        zip(
            *[[each.text for each in page.find_elements(By.CSS_SELECTOR, tag)] for tag in ("dt", "dd")],
            strict=True,
        )
    )


def direct(server):
    body = {"signature_name": "classify_flux", "instances": FLUX[None].tolist()}
    (row,) = requests.post(f"{server.model}:predict", json=body, timeout=30).json()["predictions"]
    return row


def test_files_show_picture_class_and_probability(page, server, survey):
    choose(page, survey, "ngc_G.fits", "ngc_I.fits", "ngc_R.fits")
    numbers, expected = result(page), direct(server)
    assert text(page, "class") == expected["morphology"]
    assert float(numbers["P(elliptical)"]) == pytest.approx(expected["p_elliptical"], abs=6e-4)
    assert numbers["model version"] == "1"
    assert numbers["novelty"].startswith(f"{expected['novelty']:.3f}: ")
    assert float(numbers["distance"]) == pytest.approx(expected["novelty_distance"], abs=6e-4)
    assert text(page, "source") == "ngc"
    label = page.find_element(By.ID, "bar").get_attribute("aria-label")
    assert "uncertain from 0.25 to 0.75" in label and numbers["P(elliptical)"] in label
    bands = [Select(each).first_selected_option.text for each in page.find_elements(By.TAG_NAME, "select")]
    assert bands == ["G", "I", "R"]


def test_the_picture_is_the_networks_with_the_first_row_at_the_bottom(page, survey):
    import base64
    import io

    from PIL import Image
    from served import IMAGE

    from preprocessing.picture import make_picture

    choose(page, survey, "ngc_I.fits", "ngc_R.fits", "ngc_G.fits")
    result(page)
    source = page.find_element(By.ID, "picture").get_attribute("src")
    assert source.startswith("data:image/png;base64,")
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(source.split(",")[1]))))
    expected = make_picture(FLUX[None], IMAGE).numpy()[0]
    np.testing.assert_array_equal(shown, expected[::-1])
    assert page.execute_script("return document.getElementById('picture').naturalWidth") == 32


def test_a_band_can_be_corrected(page, survey):
    choose(page, survey, "ngc_I.fits", "ngc_R.fits", "ngc_G.fits")
    before = result(page)["P(elliptical)"]
    first, _, third = page.find_elements(By.TAG_NAME, "select")
    Select(first).select_by_visible_text("G")
    wait(page, lambda _: "2 files are of band G" in text(page, "message"))
    assert not page.find_element(By.ID, "result").is_displayed()
    third = page.find_elements(By.TAG_NAME, "select")[2]
    Select(third).select_by_visible_text("I")
    after = result(page)["P(elliptical)"]
    assert "choice" in text(page, "list") and before and after


def test_the_header_gives_the_band_where_the_name_does_not(page, survey):
    choose(page, survey, "ngc_I.fits", "plain.fits", "ngc_G.fits")
    result(page)
    assert "header" in text(page, "list")


def test_a_bad_file_is_named_with_its_reason_and_is_no_markup(page, survey):
    choose(page, survey, "ngc_I.fits", "<img src=x onerror=alert(1)>.fits", "ngc_G.fits")
    wait(page, lambda _: "1 of 3 files" in text(page, "message"))
    assert "<img src=x onerror=alert(1)>.fits\nnot readable as FITS" in text(page, "list")
    assert len(page.find_elements(By.TAG_NAME, "img")) == 1
    assert not page.find_element(By.ID, "result").is_displayed()


def test_a_missing_band_is_named(page, survey):
    choose(page, survey, "ngc_I.fits", "ngc_G.fits")
    page.find_element(By.ID, "classify").click()
    wait(page, lambda _: "band R is missing" in text(page, "message"))


def test_a_name_of_the_survey_needs_the_keyboard_only(page, server):
    page.find_element(By.ID, "name").send_keys("ngc", Keys.ENTER)
    assert float(result(page)["P(elliptical)"]) == pytest.approx(direct(server)["p_elliptical"], abs=6e-4)
    field = page.find_element(By.ID, "name")
    field.clear()
    field.send_keys("nothing", Keys.ENTER)
    wait(page, lambda _: "nothing_I.fits" in text(page, "message"))
    field.clear()
    field.send_keys("../../etc/passwd", Keys.ENTER)
    wait(page, lambda _: "cannot be part of a file name" in text(page, "message"))


def test_clear_leaves_nothing(page, survey):
    choose(page, survey, "ngc_I.fits", "ngc_R.fits", "ngc_G.fits")
    result(page)
    page.find_element(By.ID, "clear").click()
    assert not page.find_element(By.ID, "result").is_displayed()
    assert not page.find_element(By.ID, "list").is_displayed()


def test_everything_can_be_reached_and_has_a_name(page, survey):
    choose(page, survey, "ngc_I.fits", "ngc_R.fits", "ngc_G.fits")
    result(page)
    nameless = page.execute_script(
        "return [...document.querySelectorAll('input, select, button')]"
        ".filter(e => !(e.labels && e.labels.length) && !e.getAttribute('aria-label'))"
        ".filter(e => !e.textContent.trim())"
        ".map(e => e.outerHTML)"
    )
    assert nameless == []
    page.execute_script("document.activeElement.blur()")
    reached = []
    for _ in range(8):
        ActionChains(page).send_keys(Keys.TAB).perform()
        reached.append(page.switch_to.active_element.tag_name)
    assert {"input", "select", "button"} <= set(reached)
    assert page.find_element(By.ID, "picture").get_attribute("alt")


def test_nothing_is_loaded_from_elsewhere_and_nothing_is_an_error(page, server):
    loaded = page.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
    assert all(name.startswith((server.url, "data:")) for name in loaded)
    assert [entry for entry in page.get_log("browser") if entry["level"] == "SEVERE"] == []
    source = requests.get(server.url, timeout=10)
    assert "http://" not in source.text.replace("http://www.w3.org", "") and "https://" not in source.text
    assert "default-src 'none'" in source.headers["Content-Security-Policy"]


def test_a_picture_unlike_the_training_galaxies_has_a_warning(server):
    def answer(flux):
        files = [
            ("files", (f"a_{band}.fits", fits_bytes(flux[..., place]))) for place, band in enumerate("IRG")
        ]
        return post(server, files=files).json()

    noise = np.random.default_rng(0).normal(0, 100, FLUX.shape).astype("f4")
    answers = [answer(FLUX), answer(noise)]
    for one in answers:
        unlike = one["result"]["novelty"] >= 0.99
        assert any("unlike the training galaxies" in warning for warning in one["warnings"]) == unlike
    assert answers[1]["result"]["novelty"] >= 0.99


def post(server, **form):
    return requests.post(f"{server.url}/page/classify", timeout=30, **form)


def test_forms_that_no_browser_sends_are_refused(server):
    for form in (
        {"data": b"nonsense", "headers": {"Content-Type": "multipart/form-data; boundary=x"}},
        {"data": b"nonsense", "headers": {"Content-Type": "multipart/form-data"}},
        {"data": {"name": "x" * 300}},
        {"data": {}},
        {"files": [("files", (f"{n}.fits", b"x")) for n in range(20)]},
    ):
        answer = post(server, **form)
        assert answer.status_code == 400 and answer.json()["problem"], form
    answer = post(server, files=[("files", ("a_I.fits", bytes(65 * 2**20)))])
    assert answer.status_code == 413 and "64 MiB" in answer.json()["problem"]
    assert "Traceback" not in server.log.read_text()


def test_a_path_in_a_file_name_is_dropped(server):
    answer = post(
        server, files=[("files", ("../../etc/a_I.fits", b"x")), ("files", ("C:\\a\\b_R.fits", b"x"))]
    )
    assert [file["name"] for file in answer.json()["files"]] == ["a_I.fits", "b_R.fits"]
