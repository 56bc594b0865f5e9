"""The whole pipeline as a user runs it: a small simulated survey, a tiny network, the real command."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hostile_folder import hostile
from sklearn.metrics import log_loss, roc_auc_score
from whole_runs import COMMAND, CONFIG, GALAXIES, galmorph, report, simulated_survey, states

from evaluation.calibration import fit_temperature
from evaluation.formats.out_of_fold import read_scores
from evaluation.formats.training_ranges import TrainingRanges
from evaluation.scores import without_rounding
from pipeline.plain_path import plain_path
from preprocessing.measurements import measure

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("galmorph") / "trials [v1] é * of #2?"  # a path is no pattern
    folder.mkdir()
    simulated_survey(folder, CONFIG.replace("[image]", 'corrections = "corrections.csv"\n[image]'))
    # Correct labels for some galaxies, a few of them uncertain by votes, and one that is not in the table.
    with open(folder / "survey/truth.csv", newline="") as table:
        rows = [row for row in csv.DictReader(table) if row["kind"] in ("spiral", "elliptical")]
    names = [f"{row['name']},{row['kind']}" for row in rows if not row["damage"]]
    (folder / "corrections.csv").write_text("\n".join(["name,label", *names[:20], "x,1"]))
    return folder


@pytest.fixture(scope="module")
def first_run(folder) -> subprocess.CompletedProcess[str]:
    # From a folder whose files no process of the run may import.
    result = galmorph("run", folder / "galmorph.toml", cwd=hostile(folder / "here", "pipeline"))
    assert result.returncode == 0, result.stdout + result.stderr
    return result


def first_summaries(folder: Path) -> list[Path]:
    """The summary of the folds of the first run."""
    summaries = (folder / "run/artifacts/CrossValidation/summary").glob("*/cross_validation.json")
    return sorted(summaries, key=lambda path: int(path.parent.name))[:1]


def test_every_node_and_the_results_are_printed(first_run, folder):
    assert set(states(first_run).values()) == {"done"}
    last = ["Evaluator", "ServingValidator", "ModelCard", "Pusher", "MorphologyReport"]
    assert list(states(first_run))[-5:] == last
    assert re.search(r"epoch +\d+/15 ", first_run.stdout), "training may stop before the last epoch"
    assert first_run.stdout.startswith("checking configuration and input\n")
    assert first_run.stdout.index("loading TFX") < first_run.stdout.index("ExampleSchema")
    assert f"version 1, {folder / 'models' / '1'}" in first_run.stdout
    assert first_run.stderr == "" and "warning: " not in first_run.stdout
    assert "tensorflow" not in first_run.stdout.lower().replace("loading tfx and tensorflow", "")


def test_the_report_files_agree_with_each_other(first_run, folder):
    ingest, metrics = report(folder, "ingest.json"), report(folder, "metrics.json")
    assert ingest["rows"] == GALAXIES == ingest["examples"] + ingest["rejects"]
    with open(folder / "run/report/rejects.csv", newline="") as table:
        rejects = list(csv.DictReader(table))
    assert len(rejects) == ingest["rejects"] > 0
    with open(folder / "run/report/predictions.csv", newline="") as table:
        predictions = list(csv.DictReader(table))
    assert len(predictions) == ingest["examples"]
    with open(folder / "survey/labels.csv", newline="") as table:
        listed = {row["name"]: row for row in csv.DictReader(table)}
    assert {row["name"] for row in predictions} | {row["name"] for row in rejects} == set(listed)
    for row in predictions:
        assert float(row["ra"]) == float(listed[row["name"]]["ra"])
        assert float(row["dec"]) == float(listed[row["name"]]["dec"])
    test = [row for row in predictions if row["split"] == "test"]
    right = sum((float(row["p_elliptical"]) > 0.5) == int(row["label"]) for row in test)
    assert metrics["test"]["n"] == len(test) == ingest["splits"]["test"]
    assert metrics["test"]["accuracy"] == pytest.approx(right / len(test))
    assert metrics["pushed_version"] == "1"
    assert metrics["gate"]["blessed"] and metrics["gate"]["reasons"] == []
    assert (folder / "run/report/confusion_matrix.png").read_bytes().startswith(b"\x89PNG")


def test_tfma_and_scikit_learn_agree(first_run, folder):
    import tfx  # noqa: F401  # isort: skip
    import tensorflow_model_analysis as tfma

    (evaluation,) = (folder / "run/artifacts/Evaluator/evaluation").iterdir()
    with plain_path(evaluation) as plain:
        (_, values), *_ = tfma.load_eval_result(str(plain)).slicing_metrics
    found = {name: value["doubleValue"] for name, value in values[""][""].items() if "doubleValue" in value}
    test = report(folder, "metrics.json")["test"]
    assert found["example_count"] == test["n"]
    assert found["binary_accuracy"] == pytest.approx(test["accuracy"], abs=1e-6)
    assert found["auc"] == pytest.approx(test["auc"], abs=1e-6)
    assert found["precision"] == pytest.approx(test["precision"], abs=1e-6)
    assert found["recall"] == pytest.approx(test["recall"], abs=1e-6)


def test_the_pushed_model_works_with_tensorflow_alone(first_run, folder, tmp_path):
    (examples,) = (folder / "run/artifacts/FitsExampleGen/examples").glob("*/Split-train/*")
    script = Path(__file__).parents[1] / "support" / "load_published_model.py"
    model = tmp_path / "model"
    model.symlink_to(folder / "models/1")  # TensorFlow takes its path for a pattern, see docs/ingest.md
    result = subprocess.run(
        [sys.executable, script, model, examples, folder / "survey/{band}_stamps/{name}_{band}.fits"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
    )
    assert result.returncode == 0, result.stderr
    answers = json.loads(result.stdout)
    with open(folder / "run/report/predictions.csv", newline="") as table:
        reported = {row["name"]: row for row in csv.DictReader(table)}
    assert len(answers["p"]) == min(70, report(folder, "ingest.json")["splits"]["train"])
    assert answers["kinds"] == ["float321", "float321", "string1"]
    for name, p, flux_p, fits_p, spiral, morphology in zip(
        *(answers[key] for key in ("names", "p", "flux_p", "fits_p", "spiral", "morphology")), strict=True
    ):
        assert p == pytest.approx(float(reported[name]["p_elliptical"]), abs=2e-6)
        assert (
            flux_p == pytest.approx(p, abs=2e-6)
            and fits_p == flux_p
            and spiral == pytest.approx(1 - p, abs=1e-6)
        )
        expected = "spiral" if p < 0.25 else "elliptical" if p > 0.75 else "uncertain"
        assert morphology == reported[name]["morphology"] == expected
    assert answers["nothing"] == 0
    assert answers["described_p"] == pytest.approx(answers["flux_p"], abs=1e-6)
    assert answers["shapes"] == [[len(answers["p"]), 1], [len(answers["p"]), 64]]
    description = json.loads((folder / "models/1/assets.extra/galmorph.json").read_text())
    assert description["flux"]["background"] == "none" and description["flux"]["flux_factors"] == {}
    assert description["bands"] == ["I", "R", "G"] and description["uncertain"] == [0.25, 0.75]


def measured(folder: Path, *splits: str) -> TrainingRanges:
    """The ranges of the galaxies of some splits, measured on their stamps."""
    from astropy.io import fits

    with open(folder / "run/report/predictions.csv", newline="") as table:
        names = [row["name"] for row in csv.DictReader(table) if row["split"] in splits]
    paths = [[folder / f"survey/{band}_stamps/{name}_{band}.fits" for band in "IRG"] for name in names]
    flux = np.stack([np.stack([fits.getdata(path) for path in row], axis=-1) for row in paths])
    found, side = measure(flux.astype("f4")), np.full(len(names), 96)
    return TrainingRanges.of(found.brightness, found.half_light_radius, side, side)


def recorded(version: Path) -> TrainingRanges:
    description = json.loads((version / "assets.extra/galmorph.json").read_text())
    found = TrainingRanges.read(description)
    assert found is not None
    return found


def same(one: TrainingRanges, other: TrainingRanges) -> bool:
    ranges = [np.concatenate([each.brightness, each.half_light_radius]) for each in (one, other)]
    return (one.galaxies, one.stamp) == (other.galaxies, other.stamp) and np.allclose(*ranges, rtol=1e-3)


def test_the_model_records_the_range_of_its_training_galaxies(first_run, folder):
    assert same(recorded(folder / "models/1"), measured(folder, "train"))


def test_corrected_labels_are_counted(first_run, folder):
    counts = report(folder, "ingest.json")["corrections"]
    with open(folder / "run/report/corrections.csv", newline="") as table:
        rows = list(csv.DictReader(table))
    assert len(rows) == sum(counts.values()) >= 20 and len(counts) > 1
    assert "corrections.csv: 1 of 21 names" in first_run.stdout
    said = ", ".join(f"{count} {change}" for change, count in counts.items())
    assert f"labels corrected: {said}\n" in first_run.stdout
    page = (folder / "run/report/index.html").read_text()
    assert said in page and said in (folder / "models/1/assets.extra/model_card.md").read_text()
    with open(folder / "run/report/predictions.csv", newline="") as table:
        used = {row["name"]: row["label"] for row in csv.DictReader(table)}
    codes = {"spiral": "0", "elliptical": "1"}
    assert all(used.get(row["name"], codes[row["after"]]) == codes[row["after"]] for row in rows)


def test_the_folds_are_in_the_report(first_run, folder):
    nodes = states(first_run)
    assert [node for node in nodes if node.startswith("FoldTrainer")] == [
        f"FoldTrainer-{n}" for n in range(5)
    ]
    summary = report(folder, "metrics.json")["cross_validation"]
    assert "cross-validation" in first_run.stdout and "5 folds" in first_run.stdout
    with open(folder / "run/report/out_of_fold.csv", newline="") as table:
        rows = list(csv.DictReader(table))
    splits = report(folder, "ingest.json")["splits"]
    assert len(rows) == splits["train"] + splits["val"] == summary["pooled"]["n"]
    for fold in summary["folds"]:
        mine = [row for row in rows if int(row["fold"]) == fold["fold"]]
        labels = np.array([int(row["label"]) for row in mine])
        p = np.array([float(row["p_elliptical"]) for row in mine])
        assert fold["n"] == len(mine) and fold["n"] + fold["n_train"] == len(rows)
        assert fold["accuracy"] == pytest.approx(np.mean((p > 0.5) == labels))
        assert fold["auc"] == pytest.approx(roc_auc_score(labels, without_rounding(p)), abs=1e-5)
        assert fold["loss"] == pytest.approx(log_loss(labels, p), abs=1e-5)
    for name in ("accuracy", "auc", "loss"):
        values = [fold[name] for fold in summary["folds"]]
        assert summary[f"{name}_mean"] == pytest.approx(np.mean(values))
        assert summary[f"{name}_std"] == pytest.approx(np.std(values, ddof=1))


def test_the_page_stands_alone(first_run, folder):
    page = (folder / "run/report/index.html").read_text()
    head = page.split('<p class="head">')[1].split("</p>")[0]
    assert all(part in head for part in (" of labels.csv", "bands I R G", "stretch 3", "cut 96")), head
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d · ", head)
    assert "<script" not in page and "http-equiv" not in page
    assert "Published as version" in page and "PredictionGen" in page, "gate, and time and memory"
    pictures = json.loads((folder / "run/report/pictures/index.json").read_text())
    shown = [galaxy for galaxy in pictures["galaxies"].values() if galaxy.get("attention")]
    assert shown and all(galaxy["views"] for galaxy in shown) and not pictures["problems"]
    for name in ("roc", "precision_recall", "thresholds", "calibration", "probabilities"):
        assert (folder / f"run/report/{name}.png").read_bytes().startswith(b"\x89PNG")
    nodes = json.loads((folder / "run/report/nodes.json").read_text())
    assert {node["node"] for node in nodes} == set(states(first_run))


def test_the_card_is_published_with_the_model(first_run, folder):
    card = (folder / "models/1/assets.extra/model_card.md").read_text()
    test = report(folder, "metrics.json")["test"]
    assert f"{test['accuracy']:.4f}" in card
    assert (folder / "models/1/assets.extra/model_card.html").read_text().startswith("<!DOCTYPE html>")


def test_the_report_can_be_made_again(first_run, folder):
    files = {name: folder / "run/report" / name for name in ("index.html", "metrics.json")}
    before = {name: path.read_text() for name, path in files.items()}
    for path in files.values():
        path.unlink()
    result = galmorph("report", folder / "run")
    assert result.returncode == 0, result.stderr
    assert str(files["index.html"]) in result.stdout
    assert {name: path.read_text() for name, path in files.items()} == before


def test_tensorboard_logs_are_in_the_model_run(first_run, folder):
    assert list((folder / "run/artifacts/Trainer/model_run").rglob("events.out.tfevents.*"))


def test_the_transformed_picture_is_the_served_picture(first_run, folder):
    import tensorflow as tf
    from astropy.io import fits
    from astropy.visualization import make_lupton_rgb

    from preprocessing.picture import make_picture
    from preprocessing.settings import ImageSettings

    (path,) = (folder / "run/artifacts/Transform/transformed_examples").glob("*/Split-val/*")
    record = next(iter(tf.data.TFRecordDataset(str(path), compression_type="GZIP"))).numpy()
    feature = tf.train.Example.FromString(record).features.feature
    picture = tf.io.decode_png(feature["picture"].bytes_list.value[0]).numpy()
    name = feature["name"].bytes_list.value[0].decode()
    planes = [fits.getdata(folder / f"survey/{band}_stamps/{name}_{band}.fits") for band in "IRG"]
    flux = np.stack(planes, -1)[None].astype("f4")
    assert np.array_equal(picture, make_picture(flux, ImageSettings(cut=96, size=32))[0])
    whole = make_picture(flux, ImageSettings(cut=96, size=96))[0].numpy().astype(int)
    assert np.abs(whole - make_lupton_rgb(*planes, minimum=0, stretch=3, Q=8)).max() <= 1


def test_a_second_run_executes_nothing(first_run, folder):
    result = galmorph("run", folder / "galmorph.toml")
    assert result.returncode == 0
    assert {node for node, state in states(result).items() if state != "cached"} == {"IncumbentResolver"}
    nodes = {node["node"]: node for node in json.loads((folder / "run/report/nodes.json").read_text())}
    assert nodes["Trainer"]["state"] == "cached" and nodes["Trainer"]["seconds"] > 1, "when it last ran"
    assert [path.name for path in (folder / "models").iterdir()] == ["1"]
    assert not (folder / "run/reports").exists(), "an unchanged run leaves no second copy of its report"


def test_a_killed_run_is_resumed_and_a_bad_model_is_not_pushed(first_run, folder):
    change = (
        "--set",
        "image.stretch=100",
        "--set",
        "gate.min_auc=0.9999",
        "--set",
        "train.fine_tune_epochs=20",
    )
    change += ("--set", "train.fine_tune_learning_rate=1e-9", "--set", "train.patience=0")
    arguments = (folder / "galmorph.toml", *change)
    command = [str(COMMAND), "run", *map(str, arguments)]
    # Killed the hard way while it trains: the pipeline's own process must not outlive the command.
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as killed:
        for line in killed.stdout:
            if line.split()[:2] == ["epoch", "2/20"]:
                killed.send_signal(signal.SIGKILL)
                break
        killed.wait()
    deadline = time.monotonic() + 60
    while "another run is using" in (result := galmorph("run", *arguments)).stderr:
        assert time.monotonic() < deadline
    assert result.returncode == 3, result.stdout + result.stderr
    found = states(result)
    assert {found[node] for node in ("FitsExampleGen", "StatisticsGen", "Transform")} == {"cached"}
    warnings = [line for line in result.stdout.splitlines() if line.startswith("  warning: ")]
    assert warnings and "stretch = 100" in warnings[0]
    assert found["Trainer"] == "done" and found["FoldTrainer-4"] == "cached"
    epochs = [line.split()[1] for line in result.stdout.splitlines() if line.split()[:1] == ["epoch"]]
    assert 3 <= int(epochs[0].split("/")[0]) <= 15, "it was resumed after its last epoch"
    assert epochs[-1] == "20/20" and not list((folder / "run/scratch/checkpoints").iterdir())
    assert "nothing was pushed: AUC is 0." in result.stderr and "must be at least 0.9999" in result.stderr
    assert [path.name for path in (folder / "models").iterdir()] == ["1"]
    metrics = report(folder, "metrics.json")
    assert metrics["pushed_version"] is None and metrics["gate"]["blessed"] is False
    (pusher,) = (line for line in result.stdout.splitlines() if line.split()[:1] == ["Pusher"])
    assert pusher.split()[1:4] == ["skipped", "(model", "refused)"]
    # The report of the first run is kept, and can be compared with this one.
    (kept,) = (folder / "run/reports").iterdir()
    assert json.loads((kept / "metrics.json").read_text())["pushed_version"] == "1"
    compared = galmorph("compare", f"{folder / 'run'}@{kept.name[:16]}", folder / "run")
    assert compared.returncode == 0, compared.stderr
    assert "image.stretch = 3" in compared.stdout and "image.stretch = 100" in compared.stdout


def test_a_blocking_anomaly_stops_the_run(first_run, folder):
    with open(folder / "run/report/predictions.csv", newline="") as table:
        trained = next(row["name"] for row in csv.DictReader(table) if row["split"] == "train")
    rows = [line.split(",") for line in (folder / "survey/labels.csv").read_text().splitlines()]
    assert rows[0][3] == "petroMag_r"
    odd = [[*row[:3], "55.5" if row[0] == trained else row[3], *row[4:]] for row in rows]
    (folder / "survey/odd.csv").write_text("".join(",".join(row) + "\n" for row in odd))
    result = galmorph("run", folder / "galmorph.toml", "--set", "data.labels=survey/odd.csv")
    assert result.returncode == 2, result.stdout + result.stderr
    assert states(result)["AnomalyGate"] == "failed" and "Trainer" not in states(result)
    assert " magnitude: " in result.stderr and "55.5" in result.stderr and "the log is" in result.stderr
    assert "Traceback" not in result.stderr


def published(folder: Path, *keys: str) -> tuple[dict[str, str], Path, dict]:
    """Run with some keys set; return the states of the nodes, the newest version and its description."""
    keys += ("serving.validator=none",)
    result = galmorph("run", folder / "galmorph.toml", *(word for key in keys for word in ("--set", key)))
    assert result.returncode == 0, result.stdout + result.stderr
    newest = max((folder / "models").iterdir(), key=lambda path: int(path.name))
    return states(result), newest, json.loads((newest / "assets.extra/galmorph.json").read_text())


def test_the_ensemble_of_the_folds_can_be_published(first_run, folder):
    keys = (
        "cross_validation.publish=ensemble",
        "cross_validation.phases=head",
        "model.dihedral_average=true",
    )
    nodes, newest, description = published(folder, *keys)
    assert (
        nodes["FoldExporter"] == "done" and "Trainer" not in nodes and nodes["FeatureExtractor"] == "cached"
    )
    assert description["folds"] == [0, 1, 2, 3, 4] and description["model"]["dihedral_average"]
    assert same(recorded(newest), measured(folder, "train", "val"))
    assert not same(recorded(newest), measured(folder, "train"))


def test_a_retrained_model_has_the_temperature_of_the_folds(first_run, folder):
    keys = (
        "cross_validation.publish=retrained",
        "model.calibration=temperature",
        "train.fine_tune_epochs=0",
    )
    nodes, newest, description = published(folder, *keys)
    assert nodes["HeldOutReference"] == "done"
    scores = read_scores(folder / "run/report/out_of_fold.csv")
    temperature = fit_temperature(scores.labels, scores.p_elliptical)
    assert description["temperature"] == pytest.approx(temperature) and temperature != 1
    assert same(recorded(newest), measured(folder, "train", "val"))


def test_a_sweep_uses_cached_nodes_and_trains_the_rest(first_run, folder):
    result = galmorph("sweep", folder / "galmorph.toml", "--stretch", "3,4")
    assert result.returncode == 0, result.stdout + result.stderr
    with open(folder / "run/sweep/sweep.csv", newline="") as table:
        points = {float(row["stretch"]): row for row in csv.DictReader(table)}
    (known,) = {json.loads(path.read_text())["accuracy_mean"] for path in first_summaries(folder)}
    assert float(points[3.0]["accuracy_mean"]) == pytest.approx(known, abs=1e-4)
    assert set(points) == {3.0, 4.0} and {row["state"] for row in points.values()} == {"done"}
    page = (folder / "run/sweep/index.html").read_text()
    assert "stretch 4" in page and "<script" not in page
    assert [line.split()[1] for line in result.stdout.splitlines() if "FitsExampleGen" in line] == [
        "cached"
    ] * 2
    first = result.stdout.index("\n  1 of 2 ")
    states_of_first = [
        line.split()[1] for line in result.stdout[:first].splitlines() if "FoldTrainer-0" in line
    ]
    assert states_of_first == ["cached"]
