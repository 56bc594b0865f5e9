"""Results on the terminal: lines with a name and a value."""

import textwrap
from collections.abc import Mapping
from typing import Protocol

from rich.console import Console
from rich.markup import escape
from rich.text import Text

_NAME = 20
_NARROW = 60


def say(console: Console, name: str, value: str, *, is_path: bool = False, style: str = "") -> None:
    """Print a result.

    On a terminal, a long value is wrapped to the width of the terminal. A path is not broken, so that it can
    be copied; if necessary it gets a line of its own. In a pipe or a file every result is one line.

    Parameters
    ----------
    console : Console
    name : str
        Name of the result; may be empty.
    value : str
        Plain text.
    is_path : bool
        Whether the value is, or ends in, a path.
    style : str
        Rich style of the value.
    """
    start = f"  {name:<{_NAME}}"
    if not console.is_terminal or len(start) + len(value) <= console.width:
        lines = [start + value]
    else:
        indent = " " * (len(start) if console.width >= _NARROW else 4)
        words = textwrap.wrap(
            value,
            max(console.width - len(indent), 10),
            break_long_words=not is_path,
            break_on_hyphens=False,
        )
        if len(indent) < len(start):
            lines = [start.rstrip()]
        else:
            first, *words = words
            lines = [start + first]
            if len(lines[0]) > console.width:
                lines = [start.rstrip(), indent + first]
        # A path that is too long for the indented line starts at the beginning of the line.
        lines += [indent + word if len(indent + word) <= console.width else word for word in words]
        lines = [line if len(line) <= console.width else line.strip() for line in lines]
    for line in lines:
        text = Text(line)
        if style:
            text.stylize(style, min(len(start), len(line)))
        console.print(text, highlight=False, soft_wrap=True)


class ObjectCounts(Protocol):
    """Counts of classified objects, as in ``summary.json``."""

    @property
    def rows(self) -> int:
        """All objects."""

    @property
    def classified(self) -> int:
        """Those with a class."""

    @property
    def rejects(self) -> int:
        """The others."""

    @property
    def reasons(self) -> Mapping[str, int]:
        """Rejects by reason."""

    @property
    def classes(self) -> Mapping[str, int]:
        """Classified objects by class."""

    @property
    def flags(self) -> Mapping[str, int]:
        """Classified objects by flag."""


def say_counts(console: Console, heading: str, counts: ObjectCounts) -> None:
    """Print a heading and the counts of classified objects."""

    def listed(found: Mapping[str, int]) -> str:
        return ", ".join(f"{number:,} {name}" for name, number in found.items() if number)

    console.print(f"[bold]{heading}[/]")
    rejects = f"{counts.rejects:,} reject{'' if counts.rejects == 1 else 's'}"
    rejects += f" ({listed(counts.reasons)})" if counts.rejects else ""
    say(console, "objects", f"{counts.rows:,}: {counts.classified:,} classified, {rejects}")
    say(console, "classes", listed(counts.classes))
    if counts.flags:
        say(console, "flags", listed(counts.flags))


def say_sentence(console: Console, sentence: str, start: str = "") -> None:
    """Print a sentence, wrapped on a terminal, after the markup `start`."""
    text = Text.from_markup(f"  {start}{escape(sentence)}")
    if console.is_terminal and len(text) > console.width:
        for number, line in enumerate(text.wrap(console, max(console.width - 2, 10))):
            console.print(Text("  ") + line if number else line, highlight=False, soft_wrap=True)
    else:
        console.print(text, highlight=False, soft_wrap=True)
