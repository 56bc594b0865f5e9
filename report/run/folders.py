"""Where the report of a run lies."""

from pathlib import Path

from evaluation.formats.predictions import PREDICTIONS
from preprocessing.paths import unreachable
from report.errors import ReportError
from report.run.evidence import RUN

REPORT = "report"
"""Under a run's root."""


def report_folder(path: Path) -> Path:
    """Return the report folder of a run.

    Parameters
    ----------
    path : Path
        The root of a run, ``[pipeline] root``, or the report folder itself.

    Returns
    -------
    Path
        A folder that holds ``predictions.csv`` and ``run.json``.

    Raises
    ------
    ReportError
        If there is no such folder.
    """
    if barred := unreachable(path / REPORT):
        raise ReportError(barred)
    if not path.exists():
        raise ReportError(f"{path} does not exist")
    if not path.is_dir():
        raise ReportError(f"{path} is no folder; a run is named by its folder")
    for folder in (path, path / REPORT):
        if (folder / PREDICTIONS).is_file():
            if (folder / RUN).is_file():
                return folder
            raise ReportError(f"{folder} has no {RUN}: it is not a whole report, or an older version's")
    raise ReportError(f"{path} holds no report: there is neither {PREDICTIONS} nor {REPORT}/{PREDICTIONS}")
