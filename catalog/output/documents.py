"""What others need to use and cite a catalogue: README, citation, lineage."""

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from catalog.output.about import About
from catalog.output.counts import Summary
from catalog.output.manifest import File
from catalog.output.rejects import COLUMNS as REJECT_COLUMNS
from evaluation.formats.catalogue import FLAGS, UNLIKE_FROM
from evaluation.formats.tables.blocks import Layout
from evaluation.formats.tables.description import FRAME

CFF_VERSION = "1.2.0"
UNNAMED = "The authors of this catalogue"
"""Author in ``CITATION.cff`` until somebody writes the names there."""

_PACKAGES = ("astropy", "numpy", "pyarrow", "tensorflow")


def readme(title: str, kind: str, about: About, summary: Summary, layout: Layout, *, has_page: bool) -> str:
    """Return ``README.md``: what the catalogue is, its columns and flags, its counts, and how to open it."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(  # without escapes: Markdown
        loader=PackageLoader("catalog.output"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("README.md.j2").render(
        title=" ".join(title.split()),
        kind=kind,
        about=about,
        summary=summary,
        layout=layout,
        flags={str(flag.name).lower(): (int(flag), meaning) for flag, meaning in FLAGS.items()},
        limits=[f"{limit:g}" for limit in about.model.uncertain],
        unlike=UNLIKE_FROM,
        frame=FRAME,
        reject_columns=REJECT_COLUMNS,
        has_page=has_page,
        day=about.started.date().isoformat(),
    )


def citation(title: str, about: About, summary: Summary) -> str:
    """Return ``CITATION.cff``, in the Citation File Format 1.2.0."""
    import yaml

    content = {
        "cff-version": CFF_VERSION,
        "message": "If you use this catalogue, please cite it as below.",
        "type": "dataset",
        "title": " ".join(title.split()),
        "abstract": (
            f"Morphological classes (spiral, elliptical, uncertain) of {summary.classified:,} galaxies, by a"
            f" convolutional network (galmorph {about.galmorph}, model version {about.model.version}, SHA-256"
            f" {about.model.fingerprint})."
        ),
        "authors": [{"name": name} for name in about.authors or (UNNAMED,)],
        "version": about.model.row_version,
        "date-released": about.started.date().isoformat(),
        "keywords": ["galaxies", "morphology", "catalogue", "deep learning"],
        "references": [
            {
                "type": "software",
                "title": "galmorph",
                "version": about.galmorph,
                "authors": [{"name": "The developers of galmorph"}],
            }
        ],
    }
    text: str = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
    note = (
        ""
        if about.authors
        else "# Write the names of the authors, and a DOI and a licence if there are any.\n"
    )
    return note + text


def lineage(
    title: str, kind: str, about: About, summary: Summary, layout: Layout, files: Sequence[File]
) -> dict[str, Any]:
    """Return the content of ``lineage.json``: from the data that the model learned from to this catalogue.

    Parameters
    ----------
    title, kind : str
    about : About
    summary : Summary
    layout : Layout
    files : sequence of File
        The files so far, which are table, rejects and documents.
    """
    model = about.model
    return {
        "data": {"fingerprint": model.origin.get("data")},
        "configuration": model.origin.get("configuration"),
        "model": {
            "path": model.path,
            "version": model.version,
            "fingerprint": model.fingerprint,
            "model_version": model.row_version,
            "run": model.origin.get("run"),
            "candidate": model.origin.get("candidate"),
            "description": dict(model.description),
        },
        "input": dict(about.input),
        "run": {
            "command": list(about.command),
            "settings": dict(about.settings),
            "started": about.started.isoformat(),
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": about.seconds,
            "galmorph": about.galmorph,
            "python": platform.python_version(),
            "packages": {name: version(name) for name in _PACKAGES},
        },
        "catalogue": {
            "title": title,
            "format": kind,
            "table": summary.table,
            "rows": summary.rows,
            "classified": summary.classified,
            "rejects": summary.rejects,
            "columns": [column.name for column in layout.columns],
            "files": {file.path: file.sha256 for file in files},
        },
    }
