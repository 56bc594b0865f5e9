"""A working folder with files that Python, or we, have modules of the same name as."""

from pathlib import Path

NAMES = ("trainer", "preprocessing", "report", "random", "logging", "queue")


def hostile(folder: Path, *more: str) -> Path:
    """Write files that cannot be imported; ``python -m pipeline.cli`` cannot bear a ``pipeline.py``."""
    folder.mkdir(exist_ok=True)
    for name in (*NAMES, *more):
        (folder / f"{name}.py").write_text(
            f"raise RuntimeError('{name}.py of the working folder was imported')\n"
        )
    return folder
