"""Request and result of an inspection."""

from collections.abc import Sequence
from dataclasses import dataclass

from preprocessing.data_settings import DataSettings, SplitSettings
from preprocessing.labels.reading import LabelTable
from preprocessing.rows.division import Division
from preprocessing.settings import ImageSettings
from report.inspection.advice import Suggestion
from report.inspection.findings import Finding
from report.inspection.sheets import Sheets
from report.inspection.survey import Survey


@dataclass(frozen=True)
class Request:
    """What to inspect.

    Attributes
    ----------
    data, image, split : DataSettings, ImageSettings, SplitSettings
    bands : sequence of str
        Bands that a run would keep.
    side : int
        Side that a run would keep of each stamp [pixels].
    objects : int
        Number of objects on a contact sheet.
    seed : int
        Seed of their selection.
    workers : int
        Number of processes.
    min_galaxies : int
        Least number of test galaxies of each class with which the gate publishes a model.
    """

    data: DataSettings
    image: ImageSettings
    split: SplitSettings
    bands: Sequence[str]
    side: int
    objects: int = 8
    seed: int = 0
    workers: int = 1
    min_galaxies: int = 1


@dataclass(frozen=True)
class Look:
    """Result of an inspection.

    Attributes
    ----------
    table : LabelTable
    division : Division
    survey : Survey
    suggestion : Suggestion
    findings : list of Finding
        Findings that stop a run first, then warnings, then notes.
    sheets : Sheets
    """

    table: LabelTable
    division: Division
    survey: Survey
    suggestion: Suggestion
    findings: list[Finding]
    sheets: Sheets

    @property
    def obstacle(self) -> str:
        """The first finding that would stop a run; empty if none would."""
        return next((finding.text for finding in self.findings if finding.kind == "stop"), "")
