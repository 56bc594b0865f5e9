"""Tables of the model card on the data and the lineage."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from preprocessing.features import CLASS_NAMES, SPLITS, TRAIN, VALIDATION
from report.card.markdown import code_span
from report.card.settings import (
    Row,
    bands_of,
    learned_from_validation,
    with_short_paths,
)
from report.evidence.configuration import table_of, text_of
from report.evidence.reading import Evidence
from report.html.formats import format_count

PERCENTILES = (1, 99)
"""Percentiles that bound the stated range of the training galaxies, so that outliers do not widen it."""


def data_rows(evidence: Evidence) -> list[Row]:
    """Return the source of the galaxies and the numbers of used and rejected rows."""
    ingest = evidence.ingest
    data = with_short_paths(table_of(evidence.settings, "data"))
    texts = {
        "table of labels": data.get("labels"),
        "label format": ingest.get("label_format") or data.get("label_format"),
        "vote fraction required for a class": data.get("vote_threshold"),
    }
    fingerprint = fingerprint_of(evidence)
    counts = {
        "rows of the table": ingest.get("rows"),
        "galaxies used": ingest.get("examples", len(evidence.predictions)),
        "rows rejected": ingest.get("rejects"),
    }
    return [
        *((title, text_of(value)) for title, value in texts.items() if value is not None),
        *([("fingerprint", code_span(fingerprint))] if fingerprint else []),
        *((title, format_count(count)) for title, count in counts.items() if count is not None),
        *([("labels corrected by hand", corrected)] if (corrected := correction_text(ingest)) else []),
    ]


def correction_text(ingest: Mapping[str, Any]) -> str:
    """Return the numbers of labels that `[data] corrections` changed; empty if there are none."""
    counts = table_of(ingest, "corrections")
    return ", ".join(f"{format_count(count)} {change}" for change, count in counts.items())


def fingerprint_of(evidence: Evidence) -> str:
    """Return the fingerprint of table and stamps; empty if it is not known."""
    return str(evidence.run.get("fingerprint") or evidence.ingest.get("fingerprint") or "")


def reject_rows(ingest: Mapping[str, Any]) -> list[Row]:
    """Return the reject reasons with their counts, the most frequent first."""
    ordered = sorted(table_of(ingest, "reasons").items(), key=lambda entry: (-entry[1], entry[0]))
    return [(reason, format_count(count)) for reason, count in ordered]


def split_rows(splits: Mapping[str, Mapping[str, int]]) -> list[tuple[str, ...]]:
    """Return the numbers of galaxies in each split by class, in the order of `CLASS_NAMES`."""
    return [
        (split, *(format_count(splits[split][name]) for name in CLASS_NAMES.values())) for split in SPLITS
    ]


def range_rows(evidence: Evidence) -> list[tuple[str, str, str]]:
    """Return the range of the training galaxies in magnitude, stamp size and noise.

    Parameters
    ----------
    evidence : Evidence

    Returns
    -------
    list of (str, str, str)
        Quantity with its unit; range between `PERCENTILES`; number of galaxies for which it is known. Empty
        without ``galaxies.csv``.
    """
    predictions, galaxies = evidence.predictions, evidence.galaxies
    if galaxies is None:
        return []
    learned = predictions.rows(TRAIN)
    if learned_from_validation(evidence.settings):
        learned = np.concatenate((learned, predictions.rows(VALIDATION)))
    noise = galaxies.statistics["noise"]
    measured = {
        "magnitude [mag]": galaxies.magnitude,
        "side of the stamp [pixels]": galaxies.height,
        **{
            f"sky noise in {band} [flux units]": noise[band]
            for band in bands_of(evidence.settings)
            if band in noise
        },
    }
    return [(title, *_range(values[learned])) for title, values in measured.items()]


def _range(values: np.ndarray) -> tuple[str, str]:
    known = values[np.isfinite(values)]
    count = f"{format_count(len(known))} of {format_count(len(values))}"
    if not len(known):
        return "not known", count
    low, high = (f"{end:.4g}" for end in np.percentile(known, PERCENTILES))
    return low if low == high else f"{low} to {high}", count


def lineage_rows(lineage: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return role, type, identifier, producer, execution and the end of the URI of each artifact."""
    keys = ("role", "type", "id", "producer", "execution")
    return [
        # Only the end of the URI: a published card should not reveal paths of the machine.
        (
            *(text_of(artifact.get(key)) for key in keys),
            "/".join(str(artifact.get("uri", "")).split("/")[-3:]),
        )
        for artifact in lineage.get("artifacts", ())
    ]
