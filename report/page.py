"""The page: one file, without script and network."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import tomli_w
from markupsafe import Markup

from pages.environment import page_environment
from preprocessing.features import CLASS_NAMES, SPLITS, TEST, VALIDATION
from report import choice
from report.album import Album
from report.evidence import CONFIGURATION, Evidence
from report.figures.plot import Plot
from report.remarks import TOLERANCE, remarks

SETTINGS = ("data", "image", "split", "model", "train", "cross_validation_settings", "decision", "thresholds")
"""Tables of ``run.json`` that stand for the configuration where there is no ``config.toml``."""

Sections = list[tuple[str, str]]


@dataclass(frozen=True)
class Headline:
    """One of the numbers that a run is judged by.

    Attributes
    ----------
    title : str
    value : float or None
    interval : (float, float) or None
    how : str
        Where the interval is from.
    meaning : str
    n : int or None
        Galaxies.
    """

    title: str
    value: float | None
    interval: tuple[float, float] | None
    how: str
    meaning: str
    n: int | None


def render_page(
    evidence: Evidence,
    numbers: Mapping[str, Any],
    plots: Mapping[str, Plot],
    album: Album,
    card: Markup | None,
) -> str:
    """Return the page.

    Parameters
    ----------
    evidence : Evidence
    numbers : mapping
        The content of ``metrics.json``.
    plots : mapping of str to Plot
    album : Album
    card : Markup or None
        The body of the model card; None: there is none, and no section for it.

    Returns
    -------
    str
        HTML.
    """
    return (
        page_environment("report")
        .get_template("report.html.j2")
        .render(
            sections=_sections(card is not None),
            run=evidence.run,
            evidence=evidence,
            numbers=numbers,
            headlines=headlines(numbers),
            remarks=remarks(numbers),
            plots=plots,
            groups=[plot for name, plot in plots.items() if name.startswith("groups-")],
            trainings=[plot for name, plot in plots.items() if name.startswith("training-")],
            album=album,
            titles=choice,
            card=card,
            seen=_seen(evidence.run.get("image") or {}),
            configuration=_configuration(evidence),
            splits=SPLITS,
            class_names=list(CLASS_NAMES.values()),
            test=TEST,
            validation=VALIDATION,
            tolerance=TOLERANCE,
            files=_files(evidence, plots),
        )
    )


def headlines(numbers: Mapping[str, Any]) -> list[Headline]:
    """Return the numbers that a run is judged by, each with its interval.

    Parameters
    ----------
    numbers : mapping
        See `report.numbers.run_numbers`.

    Returns
    -------
    list of Headline
    """
    test, intervals = numbers["test"], numbers["test"]["intervals"]
    meanings = {
        "accuracy": ("accuracy", "test galaxies that are called what their label says"),
        "auc": ("AUC", "chance that an elliptical gets a higher probability than a spiral"),
        "auc_pr": ("average precision", "area under the precision-recall curve of ellipticals"),
        "precision": ("precision", "galaxies called elliptical that are"),
        "recall": ("recall", "ellipticals that are called so"),
        "loss": ("loss", "binary cross-entropy; 0.693 is guessing"),
        "ece": ("ECE", "expected calibration error: how far a probability is off on average"),
    }
    rows = [
        Headline(title, test[key], intervals[key], "bootstrap", meaning, test["n"])
        for key, (title, meaning) in meanings.items()
    ]
    pooled = numbers["out_of_fold"]
    if pooled is not None:
        meaning = "the same of all galaxies of the folds, each by the one that has not seen it"
        interval = pooled["intervals"]["accuracy"]
        rows.append(
            Headline("out-of-fold accuracy", pooled["accuracy"], interval, "bootstrap", meaning, pooled["n"])
        )
    holdout, uncertain = numbers["holdout"], numbers["uncertain"]
    if holdout is not None:
        meaning = "surplus galaxies set aside for balance that are called rightly"
        rows.append(
            Headline(
                "holdout accuracy", holdout["accuracy"], holdout["interval"], "Wilson", meaning, holdout["n"]
            )
        )
    if uncertain is not None:
        meaning = "galaxies that the table calls uncertain and the model, too"
        share, interval = uncertain["fraction_uncertain"], uncertain["interval"]
        rows.append(Headline("called uncertain", share, interval, "Wilson", meaning, uncertain["n"]))
    return rows


def _sections(with_card: bool) -> Sections:
    found = [
        ("verdict", "Verdict and headline numbers"),
        ("folds", "Cross-validation"),
        ("test", "Test split"),
        ("calibration", "Calibration"),
        ("decision", "What is called uncertain"),
        ("examples", "Test galaxies"),
        ("uncertain", "Galaxies that the table calls uncertain"),
        ("holdout", "Surplus galaxies set aside"),
        ("views", "The same galaxies in other bands and stretches"),
        ("attention", "Where the network looks"),
        ("groups", "Accuracy by magnitude, size, place and stamp"),
        ("suspects", "Suspect labels"),
        ("training", "Training"),
        ("cost", "Time and memory"),
        ("card", "Model card"),
        ("reproduction", "To reproduce this run"),
    ]
    return [section for section in found if with_card or section[0] != "card"]


def _seen(image: Mapping[str, Any]) -> str:
    """Say what pictures the network sees."""
    known = [str(image["rgb"])] if "rgb" in image else []
    known += [f"stretch {image['stretch']:g}"] if "stretch" in image else []
    return ", ".join([*known, "as the network sees it"])


def _configuration(evidence: Evidence) -> str:
    if evidence.configuration:
        return evidence.configuration
    tables = {name: _without_none(evidence.run[name]) for name in SETTINGS if evidence.run.get(name)}
    return tomli_w.dumps({name.removesuffix("_settings"): table for name, table in tables.items()})


def _without_none(content: Any) -> Any:
    """Return a table without what TOML cannot say."""
    if isinstance(content, Mapping):
        return {key: _without_none(value) for key, value in content.items() if value is not None}
    return content


def _files(evidence: Evidence, plots: Mapping[str, Plot]) -> list[str]:
    """Return the names of the files beside the page."""
    names = {
        **dict.fromkeys(("metrics.json", "model_card.md", "model_card.html", "predictions.csv"), True),
        "galaxies.csv": evidence.galaxies is not None,
        **dict.fromkeys(("out_of_fold.csv", "suspect_labels.csv"), evidence.out_of_fold is not None),
        "run.json": True,
        CONFIGURATION: bool(evidence.configuration),
    }
    pictures = [f"{name}.png" for name, plot in plots.items() if plot.png]
    return [name for name, there in names.items() if there] + pictures
