"""Writes the evidence files of an invented run: realistic probabilities, fields, magnitudes, pictures."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from preprocessing.features import CLASS_NAMES
from report.evidence.reading import read_evidence
from report.run.choice import choose

BANDS = "IRG"
SHARES = {"train": 0.55, "val": 0.15, "test": 0.1, "holdout": 0.1, "uncertain": 0.1}
VIEWS = ("IGU", "ZRG", "stretch 1", "stretch 10")
FOLDS = 5


def galaxies(n: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Invent galaxies: fainter ones are harder, and the table's uncertain ones lie in between."""
    rng = np.random.default_rng(seed)
    split = rng.permutation(np.repeat(list(SHARES), _counts(n)))
    label = (rng.random(n) < 0.5).astype(int)
    label[split == "holdout"] = 0
    label[split == "uncertain"] = -1
    magnitude = rng.uniform(13, 18, n)
    strength = np.where(label < 0, rng.normal(0, 1.2, n), rng.normal(4.5 - 0.5 * (magnitude - 13), 1.8, n))
    logit = np.where(label == 0, -1, 1) * strength
    p = np.float32(1 / (1 + np.exp(-1.4 * logit)))
    return {
        "name": np.array([f"SPLUS.STRIPE82-{rng.integers(1, 9):04d}.{i:05d}.griz" for i in range(n)]),
        "ra": rng.uniform(300, 420, n) % 360,
        "dec": rng.uniform(-1.4, 1.4, n),
        "split": split,
        "label": label,
        "p": p,
        "magnitude": magnitude,
        "height": rng.choice([128, 160, 200], n),
        "fold": np.where(np.isin(split, ("train", "val")), rng.integers(0, FOLDS, n), -1),
        "noise": rng.lognormal(0, 0.3, n),
        **_novelty(n),
        "blank": np.where(rng.random(n) < 0.1, rng.uniform(0, 0.2, n), 0.0),
    }


def _novelty(n: int) -> dict[str, np.ndarray]:
    distance = np.random.default_rng(n).lognormal(0, 0.4, n).astype("f4")
    reference = np.sort(np.random.default_rng(0).lognormal(0, 0.4, 500).astype("f4"))
    return {"distance": distance, "novelty": (np.searchsorted(reference, distance) / 500).astype("f4")}


def write_folder(
    folder: Path,
    n: int = 400,
    *,
    seed: int = 0,
    pictures: bool = True,
    bare: bool = False,
    data: dict | None = None,
    **run: Any,
) -> Path:
    """Write a report folder.

    Parameters
    ----------
    folder : Path
    n, seed : int
        How many galaxies, and which.
    pictures : bool
    bare : bool
        Whether only predictions, out-of-fold predictions and ``run.json`` are written.
    data : dict, optional
        Galaxies as `galaxies` invents them, changed.
    **run
        Entries of ``run.json`` in place of the usual ones.
    """
    data = galaxies(n, seed) if data is None else data
    folder.mkdir(parents=True, exist_ok=True)
    called = np.where(data["p"] > 0.75, 1, np.where(data["p"] < 0.25, 0, -1))
    _table(
        folder / "predictions.csv",
        {
            **{key: data[key] for key in ("name", "ra", "dec", "split", "label")},
            "p_elliptical": [str(p) for p in data["p"]],
            "morphology": [CLASS_NAMES[int(label)] for label in called],
            "novelty": data["novelty"],
            "novelty_distance": data["distance"],
        },
    )
    write_out_of_fold(folder, data)
    _json(folder / "run.json", nested({**run_content(data), **run}))
    if not bare:
        _write_optional(folder, data)
    if pictures and not bare:
        write_pictures(folder)
    return folder


def _write_optional(folder: Path, data: dict[str, np.ndarray]) -> None:
    measured = {}
    for number, band in enumerate(BANDS, 1):
        measured |= {f"mean_{band}": data["noise"] * 3, f"noise_{band}": data["noise"] * number}
        measured |= {f"saturated_{band}": data["blank"] * 0, f"blank_{band}": data["blank"]}
    known = {"magnitude": data["magnitude"], "height": data["height"], "width": data["height"]}
    columns = {"name": data["name"], "split": data["split"], "fold": data["fold"], **known, **measured}
    _table(folder / "galaxies.csv", columns)
    _json(folder / "history.json", history())
    _json(folder / "lineage.json", lineage())
    _json(
        folder / "ingest.json", {"rows": len(data["name"]) + 3, "examples": len(data["name"]), "rejects": 3}
    )
    _json(folder / "nodes.json", nodes())
    (folder / "config.toml").write_text('[pipeline]\nname = "invented"\n\n[image]\nrgb = "IRG"\n')


def write_out_of_fold(folder: Path, data: dict[str, np.ndarray], flipped: int = 10) -> list[str]:
    """Write ``out_of_fold.csv`` with the labels of some clear cases flipped; return their names."""
    rows = np.flatnonzero(data["fold"] >= 0)
    labels = data["label"].copy()
    right = rows[(np.abs(data["p"][rows] - labels[rows]) < 0.02)][:flipped]
    labels[right] = 1 - labels[right]
    columns = {"name": data["name"], "label": labels, "fold": data["fold"]}
    table = {key: values[rows] for key, values in columns.items()}
    _table(folder / "out_of_fold.csv", {**table, "p_elliptical": [f"{p:.7f}" for p in data["p"][rows]]})
    return data["name"][right].tolist()


def nested(flat: dict[str, Any]) -> dict[str, Any]:
    """Return what ``run.json`` holds: settings and results apart."""
    results = ("gate", "pushed_version", "pushed_to", "cross_validation", "temperature", "tfma")
    alone = ("name", "fingerprint", "versions")
    titles = {"thresholds": "gate", "cross_validation_settings": "cross_validation"}
    tables = {titles.get(key, key): flat[key] for key in flat if key not in (*results, *alone)}
    return {
        **{key: flat[key] for key in alone if key in flat},
        "settings": tables,
        "results": {key: flat[key] for key in results if key in flat},
    }


def run_content(data: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return what ``run.json`` held in version 0.1: settings and results side by side."""
    folds = []
    for fold in range(FOLDS):
        mine = data["fold"] == fold
        labels, p = data["label"][mine], data["p"][mine].astype(float)
        right = float(np.mean((p > 0.5) == labels)) if mine.any() else None
        scores = {"accuracy": right, "auc": 0.98 + 0.002 * fold, "loss": 0.12 - 0.01 * fold}
        folds.append({"fold": fold, **scores, "n": int(mine.sum()), "n_train": 200, "seconds": 12.5 + fold})
    accuracies = [fold["accuracy"] or 0 for fold in folds]
    summary = {
        "phases": "head",
        "folds": folds,
        "accuracy_mean": float(np.mean(accuracies)),
        "accuracy_std": float(np.std(accuracies, ddof=1)),
        "auc_mean": 0.984,
        "auc_std": 0.003,
        "loss_mean": 0.1,
        "loss_std": 0.016,
        "pooled": {"accuracy": float(np.mean(accuracies)), "auc": 0.984, "loss": 0.1, "n": 280, "ece": 0.02},
    }
    return {
        "name": "invented",
        "decision": {"uncertain": [0.25, 0.75]},
        "gate": {"blessed": True, "reasons": []},
        "pushed_version": "7",
        "pushed_to": "models/7",
        "cross_validation": summary,
        "image": {"rgb": "IRG", "cut": 128, "size": 128, "stretch": 3.0, "q": 8.0},
        "data": {"labels": "labels.csv", "stamps": "{band}/{name}.fits"},
        "model": {"backbone": "EfficientNetLite0", "weights": "imagenet"},
        "train": {"epochs": 10, "fine_tune_epochs": 5},
        "split": {"train": 0.7, "val": 0.2, "test": 0.1, "folds": FOLDS, "seed": 5},
        "temperature": None,
        "fingerprint": "0123456789abcdef",
        "versions": {"tensorflow": "2.21.0", "numpy": "2.4.0"},
        "tfma": None,
    }


def history() -> dict[str, Any]:
    """Return the courses of an invented training."""
    epochs = np.arange(8)

    def course(shift: float) -> dict[str, list[float]]:
        loss = 0.6 * np.exp(-epochs / 2) + 0.1 + shift
        validation = loss + 0.004 * epochs
        return {
            "loss": loss.tolist(),
            "val_loss": validation.tolist(),
            "accuracy": (1 - loss / 3).tolist(),
            "val_accuracy": (1 - validation / 3).tolist(),
            "learning_rate": (1e-3 * np.cos(epochs / 6)).tolist(),
        }

    folds = [{"fold": fold, "head": course(0.01 * fold), "network": {}} for fold in range(FOLDS)]
    return {"network": course(0.0), "head": course(0.05), "folds": folds}


def lineage() -> dict[str, Any]:
    """Return what the metadata store says."""
    model = {"role": "model", "type": "Model", "id": 12, "uri": "run/artifacts/Trainer/model/9"}
    return {"artifacts": [{**model, "producer": "Trainer", "execution": 9}], "execution": 14}


def nodes() -> list[dict[str, Any]]:
    """Return time and memory of the nodes."""
    return [
        {"node": "FitsExampleGen", "state": "done", "seconds": 7.3, "memory": 400 << 20},
        {"node": "Transform", "state": "cached", "seconds": 0.1, "memory": None},
        {"node": "Trainer", "state": "done", "seconds": 132.5, "memory": 1800 << 20},
    ]


def png(seed: int = 0, side: int = 32) -> bytes:
    """Return a picture of a smooth blob with some noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] - side / 2
    blob = 200 * np.exp(-np.hypot(x, y * rng.uniform(1, 3)) / side * 6)
    pixels = np.clip(blob[..., None] * rng.uniform(0.7, 1, 3) + rng.normal(12, 4, (side, side, 3)), 0, 255)
    stream = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def write_pictures(folder: Path) -> None:
    """Write ``pictures/`` for the galaxies that the report chooses."""
    evidence = read_evidence(folder)
    choice = choose(evidence.predictions, evidence.out_of_fold)
    (folder / "pictures").mkdir(exist_ok=True)
    entries: dict[str, dict[str, Any]] = {}

    def write(number: int, kind: str) -> str:
        file = f"{number}-{kind}.png"
        (folder / "pictures" / file).write_bytes(png(number))
        return file

    for number, name in enumerate(choice.names):
        entries[name] = {"picture": write(number, "picture")}
        if name in choice.views:
            entries[name]["views"] = {view: write(number, view.replace(" ", "-")) for view in VIEWS}
        if name in choice.attention:
            entries[name]["attention"] = write(number, "attention")
    index = {"galaxies": entries, "size": 32, "problems": {}, "notes": ["Z has no files."]}
    _json(folder / "pictures" / "index.json", index)


def _counts(n: int) -> list[int]:
    counts = [int(share * n) for share in SHARES.values()]
    counts[0] += n - sum(counts)
    return counts


def _table(path: Path, columns: dict[str, Any]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as table:
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


def _json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content))
