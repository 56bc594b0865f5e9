"""The page of the report: one HTML file without scripts or external resources."""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from markupsafe import Markup

from preprocessing.features import CLASS_NAMES, SPLITS, TEST, VALIDATION
from report.card.facts import correction_text
from report.card.settings import bands_of
from report.evidence.configuration import table_of, toml_of
from report.evidence.reading import CONFIGURATION, Evidence
from report.html.environment import page_environment
from report.html.formats import count_of
from report.run import choice
from report.run.figures.plot import Plot
from report.run.images import ReportImages
from report.topics.decision import precision_text
from report.topics.groups import unknown_properties
from report.topics.headlines import headlines
from report.topics.remarks import TOLERANCE, remarks
from report.topics.serving import sentence
from report.topics.suspects import doubt_text, exclusion

Sections = list[tuple[str, str]]


def render_page(
    evidence: Evidence,
    numbers: Mapping[str, Any],
    plots: Mapping[str, Plot],
    images: ReportImages,
    card: Markup | None,
) -> str:
    """Return the page.

    Parameters
    ----------
    evidence : Evidence
    numbers : mapping
        The content of ``metrics.json``.
    plots : mapping of str to Plot
    images : ReportImages
    card : Markup or None
        Body of the model card; None leaves its section out.

    Returns
    -------
    str
        HTML.
    """
    return (
        page_environment("report.run")
        .get_template("report.html.j2")
        .render(
            sections=_sections(card is not None),
            run=evidence.run,
            head=_head(evidence),
            publish=table_of(evidence.settings, "cross_validation").get("publish", "single"),
            evidence=evidence,
            numbers=numbers,
            headlines=headlines(numbers),
            remarks=remarks(numbers),
            serving=sentence(numbers["serving"]),
            precision_text=precision_text,
            doubt_text=doubt_text,
            exclusion=exclusion(evidence.configuration),
            plots=plots,
            unknown=unknown_properties(numbers),
            groups=[plot for name, plot in plots.items() if name.startswith("groups-")],
            trainings=[plot for name, plot in plots.items() if name.startswith("training-")],
            images=images,
            titles=choice,
            card=card,
            seen=_seen(table_of(evidence.settings, "image")),
            configuration=_configuration(evidence),
            corrected=correction_text(evidence.ingest),
            splits=SPLITS,
            class_names=list(CLASS_NAMES.values()),
            test=TEST,
            validation=VALIDATION,
            tolerance=TOLERANCE,
            files=_files(evidence, plots),
        )
    )


def _head(evidence: Evidence) -> str:
    """Return when the run ended, its data, and the settings of its pictures."""
    data, image = (table_of(evidence.settings, name) for name in ("data", "image"))
    day, _, hour = str(evidence.finished.get("time", "")).partition("T")
    parts = [f"{day} {hour[:5].replace('-', ':')}"] if hour else []
    if "labels" in data:
        galaxies = count_of(len(evidence.predictions), "galaxy", "galaxies")
        parts.append(f"{galaxies} of {PurePath(str(data['labels'])).name}")
    parts += [f"bands {' '.join(bands)} (red, green, blue)"] if (bands := bands_of(evidence.settings)) else []
    parts += [f"{key} {image[key]:g}" for key in ("stretch", "q") if key in image]
    parts += [f"cut {image['cut']} pixels"] if "cut" in image else []
    return " · ".join(parts)


def _sections(with_card: bool) -> Sections:
    found = [
        ("verdict", "Verdict and headline numbers"),
        ("folds", "Cross-validation"),
        ("test", "Test split"),
        ("calibration", "Calibration"),
        ("decision", "Decision interval"),
        ("examples", "Test galaxies"),
        ("uncertain", "Galaxies labelled uncertain"),
        ("holdout", "Holdout: galaxies left out to balance the classes"),
        ("novelty", "Galaxies unlike the training galaxies"),
        ("views", "The same galaxies in other bands and stretches"),
        ("attention", "Where the network looks (Grad-CAM)"),
        ("groups", "Accuracy by magnitude, size, position and stamp"),
        ("suspects", "Suspect labels"),
        ("training", "Training"),
        ("cost", "Time and memory"),
        ("card", "Model card"),
        ("reproduction", "How to reproduce this run"),
    ]
    return [section for section in found if with_card or section[0] != "card"]


def _seen(image: Mapping[str, Any]) -> str:
    """Return the title of the pictures that the network sees."""
    known = [str(image["rgb"])] if "rgb" in image else []
    known += [f"stretch {image['stretch']:g}"] if "stretch" in image else []
    return ", ".join([*known, "as the network sees it"])


def _configuration(evidence: Evidence) -> str:
    # run.json has all settings except the paths of the run itself.
    return evidence.configuration or toml_of(evidence.settings)


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
