"""Report folders under a root: the newest report, and those of earlier runs by their time."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

from evaluation.formats.predictions import PREDICTIONS
from preprocessing.paths import unreachable
from report.errors import ReportError
from report.evidence.reading import FINISHED, RUN

REPORT = "report"
"""Folder of the newest report under a run's root."""
REPORTS = "reports"
"""Folder under a run's root with the reports of earlier runs, each in a folder named by its time."""

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(-\d+)?")


def report_folder(path: Path) -> Path:
    """Return the report folder of a run.

    Parameters
    ----------
    path : Path
        The root of a run, ``[pipeline] root``, for its newest report; a report folder itself; or
        ``ROOT@TIME`` for an earlier run, where TIME may be any unambiguous beginning of its time.

    Returns
    -------
    Path
        A folder with ``predictions.csv`` and ``run.json``.

    Raises
    ------
    ReportError
        If there is no such folder. If no report matches the time, the message lists the available ones.
    """
    if barred := unreachable(path / REPORT):
        raise ReportError(barred)
    if not path.exists():
        root, at, wanted = str(path).rpartition("@")
        if at and Path(root).is_dir():
            return _report_of(Path(root), wanted)
        raise ReportError(f"{path} does not exist")
    if not path.is_dir():
        raise ReportError(f"{path} is not a folder; give the folder of a run")
    for folder in (path, path / REPORT):
        if (folder / PREDICTIONS).is_file():
            if (folder / RUN).is_file():
                return folder
            raise ReportError(f"{folder} has no {RUN}: the report is incomplete or of an older version")
    raise ReportError(f"{path} has no report: there is neither {PREDICTIONS} nor {REPORT}/{PREDICTIONS}")


def _report_of(root: Path, wanted: str) -> Path:
    reports = reports_of(root)
    # Accept usual spellings of a time: 2026-11-26 23:58 is 2026-11-26T23-58.
    found = [when for when in reports if when.startswith(re.sub(r"[ _]", "T", wanted).replace(":", "-"))]
    if len(found) == 1:
        return reports[found[0]]
    listed = ", ".join(found or reports)
    if not reports:
        raise ReportError(f"{root} has no report")
    if not found:
        raise ReportError(f"{root} has no report of {wanted}; available are {listed}")
    raise ReportError(f"{root} has several reports of {wanted or 'any time'}: {listed}")


def reports_of(root: Path) -> dict[str, Path]:
    """Return the reports under a root by their time, the earliest first.

    Parameters
    ----------
    root : Path

    Returns
    -------
    dict of str to Path
        By local time, such as ``2026-11-26T23-58-03``.
    """
    return dict(sorted((report_time(folder), folder) for folder in _folders(root)))


def _folders(root: Path) -> Iterator[Path]:
    kept = (folder for folder in root.glob(f"{REPORTS}/*") if _TIME.fullmatch(folder.name))
    for folder in (root / REPORT, *kept):
        if (folder / PREDICTIONS).is_file() and (folder / RUN).is_file():
            yield folder


def report_time(folder: Path) -> str:
    """Return the local time at which the run of a report ended, such as ``2026-11-26T23-58-03``."""
    if _TIME.fullmatch(folder.name):
        return folder.name
    when = str(finish_of(folder).get("time", ""))
    if _TIME.fullmatch(when):
        return when
    return time.strftime("%Y-%m-%dT%H-%M-%S", time.localtime((folder / RUN).stat().st_mtime))


def finish_of(folder: Path) -> dict[str, str]:
    """Return the content of ``finished.json``: ``time``, and ``artifact``, the original of the report."""
    try:
        content = json.loads((folder / FINISHED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def root_of(folder: Path) -> Path:
    """Return the root to which a report folder belongs."""
    parent = folder.parent
    return parent.parent if parent.name == REPORTS and _TIME.fullmatch(folder.name) else parent
