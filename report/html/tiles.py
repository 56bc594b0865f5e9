"""Pictures that stand in a page itself."""

import base64
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class Tile:
    """A picture on a contact sheet.

    Attributes
    ----------
    source : str
        ``data:`` address of a PNG, or empty where there is no picture.
    side : int
        Of the PNG [pixels].
    problem : str
        Why there is none.
    """

    source: str = ""
    side: int = 0
    problem: str = ""

    @classmethod
    def of_png(cls, png: bytes, side: int) -> Self:
        """Take in the bytes of a PNG file."""
        return cls(f"data:image/png;base64,{base64.b64encode(png).decode()}", side)
