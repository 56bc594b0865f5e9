"""The card says what the evidence says, and says in words what is missing."""

import ast
import json
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
from html_page import Page, check_stands_alone
from report_folder import galaxies, write_folder

from evaluation.formats.out_of_fold import read_scores
from evaluation.suspects import suspect_labels
from report.card.write import HTML, MARKDOWN, card_body, write_card
from report.errors import ReportError
from report.evidence.reading import read_evidence
from report.topics.numbers import run_numbers

# What the node knows when it writes the card: the report's node and the runner add these files later.
LATER = ("nodes.json", "config.toml")
SECTIONS = (
    *("Model details", "Intended use", "Data", "Metrics", "Known failure modes", "How to call it"),
    *("Licence and citation", "Versions", "Lineage", "How to reproduce it"),
)


@pytest.fixture
def written(tmp_path: Path):
    """The Markdown of the card of an invented run."""

    def card(*removed: str, **arguments) -> str:
        folder = write_folder(tmp_path / "report", pictures=False, **arguments)
        for name in (*LATER, *removed):
            (folder / name).unlink()
        return write_card(read_evidence(folder), tmp_path / "card").read_text()

    return card


def changed(**columns) -> dict[str, np.ndarray]:
    """Galaxies with some columns changed: a function of the galaxies, or values."""
    data = galaxies(400)
    for name, value in columns.items():
        data[name] = value(data) if callable(value) else value
    return data


def sections(markdown: str) -> dict[str, str]:
    parts = re.split(r"^## (.+)$", markdown, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_card_has_its_sections_and_its_numbers(written, tmp_path):
    text = written()
    assert tuple(sections(text)) == SECTIONS
    numbers = run_numbers(read_evidence(tmp_path / "report"))
    test, metrics = numbers["test"], sections(text)["Metrics"]
    for title, key in (("accuracy", "accuracy"), ("AUC", "auc"), ("ECE", "ece")):
        low, high = test["intervals"][key]
        assert f"| {title} | {test[key]:.4f} | {low:.4f} to {high:.4f} | {test['n']} |" in metrics
    summary = numbers["cross_validation"]
    assert f"| accuracy | {summary['accuracy_mean']:.4f} ± {summary['accuracy_std']:.4f} |" in metrics
    assert "Quality gate on the test split (its thresholds are not known): passed." in metrics


def test_what_the_gate_asked_for_is_said(written):
    text = written(thresholds={"min_accuracy": 0.95, "min_auc": 0.98, "max_accuracy_drop": 0.005})
    asked = "accuracy at least 0.95, AUC at least 0.98, accuracy at most 0.005 below the published model's"
    assert f"Quality gate on the test split ({asked}): passed." in text


def test_the_ranges_are_percentiles_of_the_galaxies_it_has_learned_from(written):
    data = galaxies(400)
    learned = np.float32(data["magnitude"][data["split"] == "train"])
    low, high = np.percentile(learned, [1, 99])
    use = sections(written(data=data))["Intended use"]
    assert f"{low:.4g} to {high:.4g} | {len(learned)} of {len(learned)} |" in use
    retrained_card = written(data=data, cross_validation_settings={"publish": "retrained"})
    retrained = sections(retrained_card)["Intended use"]
    assert "also trained on the validation split" in retrained_card
    learned = np.float32(data["magnitude"][np.isin(data["split"], ("train", "val"))])
    low, high = np.percentile(learned, [1, 99])
    assert f"{low:.4g} to {high:.4g} | {len(learned)} of {len(learned)} |" in retrained


def test_doubtful_labels_are_counted(written, tmp_path):
    text = written()
    scores = read_scores(tmp_path / "report" / "out_of_fold.csv")
    found = suspect_labels(scores.names, scores.labels, scores.folds, scores.p_elliptical)
    issues = sum(suspect.is_issue for suspect in found)
    assert issues and f"{issues} of {len(found)} labels of the cross-validation" in text


def test_paths_of_the_machine_do_not_get_into_the_card(tmp_path):
    stamps = "/secret/{band}_stamps/{name}_{band}.fits"
    folder = write_folder(tmp_path / "report", pictures=False)
    run = json.loads((folder / "run.json").read_text())
    run["settings"]["model"] = {"backbone": "EfficientNetB0", "weights": "/secret/place/b0.weights.h5"}
    run["settings"]["data"] = {"labels": "/secret/labels.csv", "positions": "", "stamps": stamps}
    run["settings"]["data"]["exclude"] = ["/secret/suspect_labels.csv"]
    (folder / "run.json").write_text(json.dumps(run))
    text = write_card(read_evidence(folder), tmp_path / "card").read_text()
    assert "secret" not in text
    assert "| b0.weights.h5 |" in text
    assert 'stamps = "{band}_stamps/{name}_{band}.fits"' in text


def test_the_configuration_can_be_read_back(written):
    image = {
        "rgb": ["I", "R", "G"],
        "cut": 128,
        "size": 96,
        "stretch": 3.5,
        "q": 8.0,
        "minimum": [0.0, 0.1, 0.2],
    }
    model = {"backbone": "EfficientNetB0", "weights": "imagenet", "weights_sha256": None}
    settings = {"phases": "auto", "publish": "single"}
    text = written(
        image=image, model=model, cross_validation_settings=settings, thresholds={"min_accuracy": 0.9}
    )
    block = re.search(r"```toml\n(.*)```", text, re.DOTALL)
    found = tomllib.loads(block.group(1))
    assert found["image"] == image and found["model"] == {"backbone": "EfficientNetB0", "weights": "imagenet"}
    assert found["cross_validation"] == settings and found["gate"] == {"min_accuracy": 0.9}


def test_the_lines_that_call_the_model_are_python(written):
    block = re.search(r"```python\n(.*?)```", written(), re.DOTALL).group(1)
    assert len(block.splitlines()) == 6
    names = {node.value for node in ast.walk(ast.parse(block)) if isinstance(node, ast.Constant)}
    assert {"classify_fits", "classify_flux", "serving_default"} <= names
    assert {"p_elliptical", "p_spiral", "morphology"} <= names


def test_reasons_of_rejects_are_listed_the_most_frequent_first(written, tmp_path):
    folder = write_folder(tmp_path / "report", pictures=False)
    ingest = {
        "rows": 1410,
        "examples": 400,
        "rejects": 1010,
        "reasons": {"too_blank": 10, "missing_file": 1000},
    }
    (folder / "ingest.json").write_text(json.dumps(ingest))
    data = sections(write_card(read_evidence(folder), tmp_path / "card").read_text())["Data"]
    assert data.index("| missing_file | 1,000 |") < data.index("| too_blank | 10 |")
    assert "| rows rejected | 1,010 |" in data


def test_lineage_is_a_table(written):
    assert "| model | Model | 12 | Trainer | 9 | Trainer/model/9 |" in sections(written())["Lineage"]


def test_words_from_data_are_escaped(written, tmp_path):
    evil = "<script>alert(1)</script> [a](javascript:b) | **c**"
    text = written(name=evil, gate={"blessed": False, "reasons": [evil]}, pushed_version=None)
    page = (tmp_path / "card" / HTML).read_text()
    body = str(card_body(write_card(read_evidence(tmp_path / "report"), tmp_path / "card")))
    for html in (page, body):
        assert "<script" not in html and 'javascript:b"' not in html and "<strong>c</strong>" not in html
        assert "&lt;script&gt;alert(1)&lt;/script&gt; [a](javascript:b) | **c**" in html
    assert "refused" in text


def test_page_and_markdown_say_the_same_and_the_page_needs_no_network(written, tmp_path):
    text = written()
    page = (tmp_path / "card" / HTML).read_text()
    assert [title for title in SECTIONS if f">{title}</h2>" in page] == list(SECTIONS)
    for anchor in re.findall(r'href="#([^"]+)"', page):
        assert page.count(f'id="{anchor}"') == 1
    numbers = set(re.findall(r"\d\.\d{4}", text))
    assert len(numbers) > 20 and all(number in page for number in numbers)
    check_stands_alone(Page(page))


def test_in_a_page_the_card_has_no_title_and_headings_below_those_of_the_page(tmp_path):
    body = str(
        card_body(write_card(read_evidence(write_folder(tmp_path, pictures=False)), tmp_path / "card"))
    )
    assert "Model card" not in body and "<h1" not in body and "<h2" not in body
    assert re.findall(r'<h3 id="card-[a-z-]+">([^<]+)</h3>', body) == list(SECTIONS)


@pytest.mark.parametrize(
    ("version", "blessed", "words"),
    [
        ("7", True, "published as version 7."),
        (None, True, "had no version yet."),
        (None, False, "has refused this model. It is not published."),
    ],
)
def test_the_verdict_stands_first(written, version, blessed, words):
    reasons = [] if blessed else ["accuracy is 0.9000, must be at least 0.95"]
    text = written(pushed_version=version, gate={"blessed": blessed, "reasons": reasons})
    assert words in text.split("##")[0]
    assert all(reason in sections(text)["Metrics"] for reason in reasons)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"cross_validation": None}, ["There was no cross-validation"]),
        (
            {"data": changed(split=lambda of: np.where(of["split"] == "test", "train", of["split"]))},
            ["The test split is empty"],
        ),
        (
            {"data": changed(split=lambda of: np.where(of["split"] == "holdout", "train", of["split"]))},
            ["There is no holdout"],
        ),
        (
            {
                "data": changed(
                    split=lambda of: np.where(of["split"] == "uncertain", "train", of["split"]),
                    label=lambda of: abs(of["label"]),
                )
            },
            ["No galaxy is labelled uncertain"],
        ),
        (
            {"data": changed(label=lambda of: np.where(of["split"] == "test", 0, of["label"]))},
            ["no elliptical galaxy in the test split", "no galaxy of the other class"],
        ),
        (
            {"data": changed(p=lambda of: np.where(of["split"] == "test", np.nan, of["p"]))},
            ["no finite probability", "Calibration: it was not measured"],
        ),
        ({"data": changed(p=lambda of: np.full(len(of["p"]), np.nan))}, ["no finite probability"]),
        ({"data": changed(p=lambda of: np.full(len(of["p"]), np.float32(0.5)))}, ["equal"]),
    ],
)
def test_what_is_missing_is_said_and_the_card_is_whole(written, arguments, words):
    text = written(**arguments)
    assert tuple(sections(text)) == SECTIONS
    for word in words:
        assert word in text
    assert not re.search(r"\bnan\b|None(?!: all)|Undefined", text)


@pytest.mark.parametrize(
    ("removed", "words"),
    [
        ("galaxies.csv", "not known: galaxies.csv does not exist."),
        ("ingest.json", "not known: ingest.json does not exist."),
        ("lineage.json", "not known: lineage.json does not exist."),
        ("history.json", "| epochs of fine-tuning | 5 |"),
        ("out_of_fold.csv", "Labels were not checked: out_of_fold.csv does not exist."),
        ("out_of_fold.csv", "| out-of-fold accuracy | – | – | – |"),
    ],
)
def test_an_absent_file_is_said(written, removed, words):
    assert words in written(removed)


@pytest.mark.parametrize("publish", ["single", "retrained", "ensemble", "best_fold"])
def test_epochs_that_folds_of_heads_have_not_trained_are_not_claimed(written, publish):
    train = {"epochs": 10, "fine_tune_epochs": 5, "augment": ["flips"]}
    text = written("history.json", train=train, cross_validation_settings={"publish": publish})
    none = publish in ("ensemble", "best_fold")
    assert ("| epochs of fine-tuning | none:" in text) == none
    assert ("| augmentation | flips |" in text) != none


def test_a_damaged_file_is_not_called_absent(tmp_path):
    folder = write_folder(tmp_path / "report", pictures=False)
    for name in ("galaxies.csv", "out_of_fold.csv"):
        (folder / name).write_text("name\n")
    for name in ("ingest.json", "lineage.json"):
        (folder / name).write_text("[]")
    text = write_card(read_evidence(folder), tmp_path / "card").read_text()
    for sentence in (
        "not known: galaxies.csv is damaged:",
        "not checked: out_of_fold.csv: there is no column label.",
        "not known: ingest.json is damaged: it should be an object.",
        "not known: lineage.json is damaged: it should be an object.",
    ):
        assert sentence in text, sentence
    assert not re.search(r"\.(csv|json) does not exist", text)


def test_bare_evidence_makes_a_card(written, tmp_path):
    folder = write_folder(tmp_path / "report", pictures=False)
    bare = {"name": "bare", "decision": {"uncertain": [0.25, 0.75]}, "gate": {"blessed": True, "reasons": []}}
    (folder / "run.json").write_text(json.dumps(bare))
    for name in ("galaxies.csv", "out_of_fold.csv", "ingest.json", "lineage.json", "history.json"):
        (folder / name).unlink()
    assert tuple(sections(write_card(read_evidence(folder), tmp_path / "card").read_text())) == SECTIONS


def test_the_same_evidence_gives_the_same_card(tmp_path):
    evidence = read_evidence(write_folder(tmp_path, pictures=False))
    first = [write_card(evidence, tmp_path).read_bytes(), (tmp_path / HTML).read_bytes()]
    write_card(evidence, tmp_path, run_numbers(evidence))
    assert first == [(tmp_path / MARKDOWN).read_bytes(), (tmp_path / HTML).read_bytes()]


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    evidence = read_evidence(write_folder(tmp_path / "report", pictures=False))
    (tmp_path / "card").write_text("a file")
    with pytest.raises(ReportError, match="card"):
        write_card(evidence, tmp_path / "card")
