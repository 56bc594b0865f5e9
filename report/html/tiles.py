"""Pictures embedded in a page."""

import base64
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class Tile:
    """A picture on a contact sheet.

    Attributes
    ----------
    source : str
        ``data:`` URL of a PNG; empty without a picture.
    side : int
        Side of the PNG [pixels].
    problem : str
        Why there is no picture.
    """

    source: str = ""
    side: int = 0
    problem: str = ""

    @classmethod
    def of_png(cls, png: bytes, side: int) -> Self:
        """Return a tile with the content of a PNG file."""
        return cls(f"data:image/png;base64,{base64.b64encode(png).decode()}", side)
