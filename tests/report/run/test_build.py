"""The whole report."""

import html
import json
import re
import tomllib

import html5lib
import numpy as np
import pytest
from html_page import Page, check_stands_alone
from markupsafe import Markup
from report_folder import galaxies, write_folder, write_out_of_fold

from evaluation.formats.out_of_fold import OutOfFold, write_scores
from report.errors import ReportError
from report.evidence.reading import read_evidence
from report.run.build import build
from report.run.choice import choose
from report.run.figures.plot import Plot
from report.run.images import ReportImages
from report.run.page import render_page
from report.topics.headlines import headlines
from report.topics.numbers import run_numbers

SPITEFUL = "<b onclick='x'>&\"amp;"
SECTIONS = [
    *("verdict", "folds", "test", "calibration", "decision", "examples", "uncertain", "holdout"),
    "novelty",
    "views",
    *("attention", "groups", "suspects", "training", "cost", "card", "reproduction"),
]


def page_of(folder):
    """Read the page; it must be whole and valid whatever the evidence is."""
    source = (folder / "index.html").read_text(encoding="utf-8")
    parser = html5lib.HTMLParser()
    parser.parse(source)
    assert not parser.errors
    page = Page(source)
    check_stands_alone(page)
    assert [tag["id"] for tag in page.all("section")] == SECTIONS
    contents = [tag["href"][1:] for tag in page.all("a")]
    assert contents == SECTIONS
    for section in re.findall(r"<section.*?</section>", source, re.DOTALL):
        heading, _, content = section.partition("</h2>")
        assert len(re.sub(r"<[^>]+>|\s", "", content)) > 20, heading
    assert not re.search(r"\bnan\b", page.text)
    return page


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = write_folder(tmp_path_factory.mktemp("built"), 600)
    build(folder)
    return folder


def test_the_page_stands_alone_and_every_picture_is_in_it(built):
    page = page_of(built)
    index = json.loads((built / "pictures" / "index.json").read_text())
    assert len(page.values("src")) >= len(index["galaxies"])
    assert "no picture" not in page.text
    assert {tag["id"] for tag in page.all("figure") if "id" in tag} >= {
        f"figure-{name}" for name in ("roc", "precision_recall", "thresholds", "calibration", "holdout")
    }


def test_the_page_states_the_numbers_of_metrics_json(built):
    numbers = json.loads((built / "metrics.json").read_text())
    text = page_of(built).text
    for row in headlines(numbers):
        interval = "{:.4f} to {:.4f}".format(*row.interval) if row.interval else "–"
        assert f"{row.value:.4f} {interval} {row.how}" in text
    assert {row.how for row in headlines(numbers)} == {"bootstrap", "Wilson", "Newcombe", "–"}
    assert "2,000 resamples" in text and "The gate has passed this model." in text
    summary = numbers["cross_validation"]
    assert f"{summary['accuracy_mean']:.4f} ± {summary['accuracy_std']:.4f}" in text


def test_what_has_been_written(built):
    pictures = {"confusion_matrix", "roc", "precision_recall", "thresholds", "calibration", "probabilities"}
    written = {path.name for path in built.iterdir()}
    assert {f"{name}.png" for name in pictures} | {"model_card.md", "model_card.html"} <= written
    header, *rows = (built / "suspect_labels.csv").read_text().splitlines()
    assert header.startswith("name,label") and rows
    assert not list(built.glob(".*"))


def test_a_second_build_is_the_same_byte_for_byte(built):
    first = {path.name: path.read_bytes() for path in built.iterdir() if path.is_file()}
    build(built)
    assert first == {path.name: path.read_bytes() for path in built.iterdir() if path.is_file()}


def test_flipped_labels_are_suspected(tmp_path):
    data = galaxies(800)
    folder = write_folder(tmp_path, data=data, bare=True)
    flipped = write_out_of_fold(folder, data, flipped=12)
    found = build(folder)["suspect_labels"]
    named = [row.split(",")[0] for row in (folder / "suspect_labels.csv").read_text().splitlines()[1:]]
    assert set(flipped) <= set(named) and found["issues"] == len(named)


def test_names_are_text_and_no_markup(tmp_path):
    data = galaxies(200)
    data["name"] = np.array([f"{SPITEFUL}{number:03d}" for number in range(200)])
    gate = {"blessed": False, "reasons": [SPITEFUL]}
    folder = write_folder(tmp_path, data=data, name=SPITEFUL, gate=gate, pushed_version=None)
    build(folder)
    page = page_of(folder)
    assert SPITEFUL in page.text and SPITEFUL not in page.source and "<b onclick" not in page.source
    assert "The gate has refused this model." in page.text and "has not been published" in page.text


def test_a_model_card_has_a_section_of_its_own_where_there_is_one(built):
    evidence = read_evidence(built)
    numbers = run_numbers(evidence) | {"suspect_labels": None}
    plots = dict.fromkeys(
        ("folds", "confusion_matrix", "probabilities", "roc", "precision_recall", "thresholds"),
        Plot("plot", "none"),
    ) | dict.fromkeys(("calibration", "uncertain", "holdout", "novelty", "nodes"), Plot("plot", "none"))
    images = ReportImages(evidence, choose(evidence.predictions, None), [])
    page = Page(render_page(evidence, numbers, plots, images, card=Markup("<h3>Licence</h3><p>CC BY</p>")))
    assert "Model card Licence CC BY" in page.text and "card" in page.values("id")
    page = Page(render_page(evidence, numbers, plots, images, card=None))
    assert "Model card" not in page.text and "card" not in page.values("id")


def test_without_any_optional_file(tmp_path):
    folder = write_folder(tmp_path, 200, cross_validation=None, bare=True)
    (folder / "out_of_fold.csv").unlink()
    (folder / "suspect_labels.csv").write_text("of an earlier run\n")
    build(folder)
    text = page_of(folder).text
    for sentence in (
        "This run has no cross-validation",
        "There are no pictures: pictures/index.json does not exist.",
        "not known: galaxies.csv does not exist.",
        "Labels were not checked: there was no cross-validation.",
        "no training history: history.json does not exist.",
        "not known: nodes.json does not exist.",
        "not known: ingest.json does not exist.",
        "not known: lineage.json does not exist.",
        "From run.json: config.toml does not exist.",
        "The scores of the Evaluator (TFMA) are not available",
    ):
        assert sentence in text, sentence
    assert not (folder / "suspect_labels.csv").exists()


def test_where_a_file_is_damaged_its_section_says_so(tmp_path):
    folder = write_folder(tmp_path, 200)
    for name in ("history.json", "lineage.json", "ingest.json", "nodes.json"):
        (folder / name).write_text("{}" if name == "nodes.json" else "[]")
    for name, line in (("galaxies.csv", "x"), ("out_of_fold.csv", "g,0,,0.5")):
        with open(folder / name, "a") as table:
            table.write(f"{line}\n")
    lines = len((folder / "out_of_fold.csv").read_text().splitlines())
    numbers = build(folder)
    assert numbers["out_of_fold"] is None and numbers["suspect_labels"] is None
    page = page_of(folder)
    unknown = f"out_of_fold.csv: line {lines}: there is no fold."
    for sentence in (
        f"The out-of-fold accuracy is not known: {unknown}",
        f"predictions together are not known: {unknown}",
        f"Labels were not checked: {unknown}",
        "not known: galaxies.csv is damaged:",
        "no training history: history.json is damaged: it should be an object.",
        "not known: nodes.json is damaged: it should be a valid array.",
        "not known: ingest.json is damaged: it should be an object.",
        "not known: lineage.json is damaged: it should be an object.",
    ):
        assert sentence in page.text, sentence
    assert re.search("out-of-fold accuracy[^–]*– – [a-z–]+ –", page.text)


def test_what_no_galaxy_tells_and_what_is_the_same_for_all_is_said(tmp_path):
    data = galaxies(200)
    data |= {"magnitude": np.full(200, np.nan), "height": np.full(200, 128), "noise": np.full(200, np.nan)}
    folder = write_folder(tmp_path, data=data)
    build(folder)
    groups = page_of(folder).source.partition('<section id="groups">')[2].partition("</section>")[0]
    assert ": magnitude, sky noise." in groups
    assert "No groups by side of the stamp: all test galaxies have 128." in groups


def test_figures_of_an_earlier_build_go_and_files_of_others_stay(tmp_path):
    folder = write_folder(tmp_path, 200, pictures=False)
    build(folder)
    assert (folder / "groups-noise.png").is_file() and (folder / "training-folds.png").is_file()
    (folder / "groups-mine.png").write_text("another's")
    (folder / "galaxies.csv").unlink()
    (folder / "history.json").unlink()
    build(folder)
    names = {path.name for path in folder.glob("*.png")}
    assert "groups-mine.png" in names
    assert not names & {"groups-noise.png", "groups-magnitude.png", "training-folds.png"}
    listed = page_of(folder).text.partition("Beside this page:")[2]
    assert all(name in listed for name in names - {"groups-mine.png"})


def bad(**changes):
    """200 invented galaxies of which something is bad."""
    data = galaxies(200)
    for key, change in changes.items():
        data[key] = change(data)
    return data


BAD = {
    "no galaxy at all": (
        {key: values[:0] for key, values in galaxies(10).items()},
        [
            "The test split is empty",
            "No temperature can be fitted",
            "There is no holdout",
        ],
    ),
    "an empty test split": (
        bad(split=lambda data: np.where(data["split"] == "test", "train", data["split"])),
        ["The test split is empty", "There is no ROC curve: the test split is empty."],
    ),
    "no validation": (
        bad(split=lambda data: np.where(data["split"] == "val", "train", data["split"])),
        ["No temperature can be fitted", "No interval gives both classes a precision of 0.99"],
    ),
    "no spiral in the test split": (
        bad(label=lambda data: np.where(data["split"] == "test", 1, data["label"])),
        [
            "There is no spiral galaxy in the test split",
            "There is no ROC curve: there is no spiral galaxy",
        ],
    ),
    "no elliptical anywhere": (
        bad(label=lambda data: np.minimum(data["label"], 0)),
        ["There is no elliptical galaxy in the test split", "No elliptical of the test split"],
    ),
    "equal probabilities": (
        bad(p=lambda data: np.full(200, 0.7, np.float32)),
        ["All probabilities of the test split are equal", "All probabilities are 0.7"],
    ),
    "some NaN": (
        bad(p=lambda data: np.where(np.arange(200) % 9, data["p"], np.nan)),
        ["no finite probability; they count as misclassified", "Galaxies without a finite probability"],
    ),
    "NaN everywhere": (
        bad(p=lambda data: np.full(200, np.nan)),
        ["no test galaxy has a finite probability", "None of them has a finite probability."],
    ),
    "everything right and sure": (
        bad(p=lambda data: np.where(data["label"] == 1, 1.0, 0.0)),
        ["Every test galaxy is classified correctly.", "No test galaxy is misclassified."],
    ),
    "everything wrong": (
        bad(p=lambda data: np.where(data["label"] == 1, 0.0, 1.0)),
        ["0.0000", "No spiral of the test split"],
    ),
    "nothing uncertain, no holdout": (
        bad(
            split=lambda data: np.where(
                np.isin(data["split"], ("uncertain", "holdout")), "train", data["split"]
            ),
            label=lambda data: np.maximum(data["label"], 0),
        ),
        ["No galaxy is labelled uncertain", "There is no holdout"],
    ),
    "one test galaxy": (
        bad(split=lambda data: np.where(np.arange(200) == 7, "test", "train")),
        ["galaxy in the test split, so AUC", "95 % interval"],
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_said_in_words_on_a_whole_page(tmp_path, name):
    data, sentences = BAD[name]
    folder = write_folder(tmp_path, data=data, bare=True)
    numbers = build(folder)
    assert json.loads((folder / "metrics.json").read_text()) == numbers
    text = page_of(folder).text
    for sentence in sentences:
        assert sentence in text, sentence


def test_out_of_fold_scores_may_be_bad(tmp_path):
    folder = write_folder(tmp_path, 60, bare=True)
    for scores, sentence in (
        (OutOfFold([], [], [], []), "out_of_fold.csv has no galaxies."),
        (OutOfFold(["a"], [0], [0], [float("nan")]), "no out-of-fold prediction is a finite probability"),
        (OutOfFold(["a", "b"], [0, 0], [0, 1], [0.3, float("nan")]), "out-of-fold AUC is not known"),
    ):
        write_scores(folder / "out_of_fold.csv", scores)
        assert build(folder)["suspect_labels"]["issues"] == 0
        assert sentence in page_of(folder).text


def test_pictures_may_be_absent_or_damaged_one_by_one(tmp_path):
    folder = write_folder(tmp_path, 300)
    place = folder / "pictures" / "index.json"
    index = json.loads(place.read_text())
    first, second, third, fourth, fifth = list(index["galaxies"])[:5]
    (folder / "pictures" / index["galaxies"][first]["picture"]).unlink()
    (folder / "pictures" / index["galaxies"][second]["picture"]).write_bytes(b"GIF89a")
    cut = folder / "pictures" / index["galaxies"][fifth]["picture"]
    cut.write_bytes(cut.read_bytes()[:100])
    del index["galaxies"][third], index["galaxies"][fourth]
    index["problems"][third] = "too small"
    place.write_text(json.dumps(index))
    build(folder)
    text = page_of(folder).text
    assert "no picture: pictures/0-picture.png does not exist" in text
    assert "no picture: pictures/1-picture.png is not a PNG" in text
    assert "no picture: pictures/4-picture.png is a truncated PNG" in text
    assert "no picture: too small" in text and "no picture: none was made" in text


def test_what_run_json_tells_of_the_model_is_said(tmp_path):
    settings = {"publish": "ensemble"}
    evaluator = {"accuracy": 0.5, "auc": 0.5}
    changes = {"temperature": 1.3, "cross_validation_settings": settings, "tfma": evaluator}
    folder = write_folder(tmp_path, 400, bare=True, **changes)
    build(folder)
    text = page_of(folder).text
    assert "divides its logit by 1.300" in text and "1.300 (as exported)" in text
    assert 'publish = "ensemble"' in text
    assert "The Evaluator's accuracy differs from scikit-learn's by" in text


def test_a_configuration_is_stated_but_for_what_toml_cannot_say(tmp_path):
    folder = write_folder(tmp_path, 60, bare=True, split={"seed": None, "shares": [0.7, None, {"a": None}]})
    build(folder)
    configuration = re.search(r'<pre class="settings"><code>(.*?)</code>', page_of(folder).source, re.DOTALL)
    found = tomllib.loads(html.unescape(configuration.group(1)))
    assert found["split"] == {"shares": [0.7, {}]}


def test_the_style_lets_letters_be_wide_and_keeps_heads_of_tables_with_their_rows(built):
    style = re.search(r"<style>(.*?)</style>", page_of(built).source, re.DOTALL).group(1)
    rules = [(rule.strip(), what.strip()) for rule, what in re.findall(r"([^{}]+)\{([^{}]+)\}", style)]
    assert len(rules) == len(set(rules)) > 50, "no rule stands twice"
    figures = next(what for rule, what in rules if rule.endswith(".figures svg"))
    assert "overflow: visible" in figures and "padding-left" in figures
    paper = style.partition("@media print")[2]
    assert "thead { break-after: avoid; }" in paper and "thead, tr, li { break-inside: avoid; }" in paper


def test_what_cannot_be_written_is_one_line(tmp_path):
    folder = write_folder(tmp_path, 200, bare=True)
    (folder / "roc.png").mkdir()
    with pytest.raises(ReportError, match="cannot be written") as error:
        build(folder)
    assert "\n" not in str(error.value) and not (folder / "index.html").exists()
