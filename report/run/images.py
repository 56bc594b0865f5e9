"""The selected galaxies with their pictures and captions."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from evaluation.scores import is_right
from evaluation.suspects import Suspect
from preprocessing.features import CLASS_NAMES, NO_LABEL, SPLITS
from report.evidence.reading import PICTURE_INDEX, PICTURES, Evidence
from report.html.tiles import Tile
from report.run.choice import SUSPECTS, UNLIKE, Choice

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"


@dataclass(frozen=True)
class Shown:
    """A galaxy in a panel.

    Attributes
    ----------
    name : str
    tile : Tile
    label : str
    p_elliptical : float or None
    right : bool or None
        Whether it is classified correctly; None without a label.
    note : str
        Further text of the caption.
    """

    name: str
    tile: Tile
    label: str
    p_elliptical: float | None
    right: bool | None
    note: str = ""


@dataclass(frozen=True)
class Sheet:
    """Galaxies in rows, pictures in columns.

    Attributes
    ----------
    titles : list of str
    rows : list of (Shown, list of Tile)
    """

    titles: list[str]
    rows: list[tuple[Shown, list[Tile]]]


class ReportImages:
    """Reads the pictures of the selected galaxies.

    Parameters
    ----------
    evidence : Evidence
    choice : Choice
    suspects : sequence of Suspect
        Galaxies with a suspect label.
    """

    def __init__(self, evidence: Evidence, choice: Choice, suspects: Sequence[Suspect]) -> None:
        self._evidence, self._choice = evidence, choice
        self._suspects = {suspect.name: suspect for suspect in suspects}
        self._rows = evidence.predictions.find(choice.names)
        self._entries: Mapping[str, dict] = evidence.pictures.get("galaxies", {})

    @property
    def problem(self) -> str:
        """Why there are no pictures at all; empty if there are some."""
        if self._entries:
            return ""
        return self._evidence.problems.get(f"{PICTURES}/{PICTURE_INDEX}") or "No picture was made."

    @property
    def notes(self) -> list[str]:
        """Notes on the pictures."""
        return list(self._evidence.pictures.get("notes", ()))

    def panel(self, title: str) -> list[Shown]:
        """Return the galaxies of a panel."""
        shown = [self._shown(name, title == SUSPECTS) for name in self._choice.panels[title]]
        return [self._with_distance(galaxy) for galaxy in shown] if title == UNLIKE else shown

    def total(self, title: str) -> int:
        """Return the total number of galaxies of the kind that a panel shows."""
        return self._choice.totals[title]

    def views(self) -> Sheet:
        """Return the same galaxies in other band sets and stretches, the network's own view first."""
        entries = {name: self._entries.get(name, {}) for name in self._choice.views}
        titles = list(dict.fromkeys(title for entry in entries.values() for title in entry.get("views", {})))
        rows = [
            (self._shown(name), [self._tile(name, entry.get("views", {}).get(title)) for title in titles])
            for name, entry in entries.items()
        ]
        return Sheet(titles, rows if titles else [])

    def attention(self) -> Sheet:
        """Return the galaxies with a Grad-CAM map."""
        entries = {name: self._entries.get(name, {}) for name in self._choice.attention}
        rows = [
            (self._shown(name), [self._tile(name, entry["attention"])])
            for name, entry in entries.items()
            if "attention" in entry
        ]
        return Sheet(["Grad-CAM map"], rows)

    def _shown(self, name: str, suspected: bool = False) -> Shown:
        tile = self._tile(name, self._entries.get(name, {}).get("picture"))
        if suspected:
            # The out-of-fold probability: a model trained on a wrong label may repeat it.
            suspect = self._suspects[name]
            label_name = CLASS_NAMES[suspect.label]
            return Shown(name, tile, label_name, suspect.p_elliptical, None, f"fold {suspect.fold}")
        row = self._rows.get(name)
        if row is None:
            return Shown(name, tile, "", None, None)
        predictions = self._evidence.predictions
        label, p = int(predictions.labels[row]), float(predictions.p_elliptical[row])
        right = None if label == NO_LABEL else bool(is_right([label], [p])[0])
        return Shown(name, tile, CLASS_NAMES[label], p, right)

    def _with_distance(self, shown: Shown) -> Shown:
        predictions, row = self._evidence.predictions, self._rows[shown.name]
        note = f"distance {predictions.novelty_distance[row]:.2f}, {SPLITS[predictions.splits[row]]}"
        return replace(shown, note=note)

    def _tile(self, name: str, file: str | None) -> Tile:
        if file is None:
            reasons = self._evidence.pictures.get("problems", {})
            return Tile(problem=reasons.get(name) or "none was made")
        try:
            return png_tile(self._evidence.folder / PICTURES / file)
        except ValueError as error:
            return Tile(problem=f"{PICTURES}/{file} {error}")


def png_tile(path: Path) -> Tile:
    """Read a picture.

    Raises
    ------
    ValueError
        If it cannot be read or is not a complete PNG. The message ends a sentence that begins with the file.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ValueError("does not exist") from None
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from error
    if not content.startswith(_PNG):
        raise ValueError("is not a PNG")
    if len(content) < 24 or not content.endswith(_PNG_END):
        raise ValueError("is a truncated PNG")
    width, _ = struct.unpack(">II", content[16:24])
    return Tile.of_png(content, width)
