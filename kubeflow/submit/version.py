"""Versions of an uploaded pipeline."""

import hashlib
from pathlib import Path

import yaml


def version_name(path: Path) -> str:
    """Return a name for a version: the beginning of the file's SHA-256, so that it is uploaded once."""
    return f"sha256-{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}"


def without_cache(path: Path, folder: Path) -> Path:
    """Write a copy whose tasks are never served from the cache; an uploaded version has no such option.

    Parameters
    ----------
    path : Path
        A compiled pipeline.
    folder : Path
        Where to write the copy.

    Returns
    -------
    Path
    """
    first, *others = yaml.safe_load_all(path.read_text(encoding="utf-8"))
    for task in first["root"]["dag"].get("tasks", {}).values():
        task["cachingOptions"] = {}
    copy = folder / "pipeline.yaml"
    copy.write_text(yaml.safe_dump_all([first, *others], sort_keys=False), encoding="utf-8")
    return copy
