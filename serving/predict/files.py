"""Find the names of objects among the files of a template or a folder."""

import glob
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from preprocessing.bands import band_spellings
from preprocessing.locations import Remote, is_uri, uri_problem
from preprocessing.paths import unreadable_file
from preprocessing.stamp_index import listed_below
from preprocessing.storage import listing
from serving.predict.errors import PredictError

_LAYOUTS = ("{name}_{band}", "{band}_stamps/{name}_{band}", "{band}/{name}_{band}", "{band}/{name}")
_EXTENSIONS = (".fits", ".fits.fz", ".fits.gz", ".fits.bz2", ".fit", ".fit.fz", ".fit.gz", ".fts")


def template_of(stamps: str, bands: Sequence[str], *, cubes: bool) -> str:
    """Return the template of the stamps.

    Parameters
    ----------
    stamps : str
        A template, or a folder; a path or a URI.
    bands : sequence of str
        Bands of the model.
    cubes : bool
        Whether one file holds all bands of an object.

    Returns
    -------
    str
        An absolute path with ``{name}`` and, unless files are cubes, ``{band}``.

    Raises
    ------
    PredictError
        If it is neither, or the files in the folder are not named in a known way.
    """
    path = stamps.rstrip("/") if is_uri(stamps) else os.path.abspath(stamps)
    # A folder is checked without its last slash: objects of a bucket may lie at its root.
    if problem := uri_problem(path if "{" in path else f"{path}/{{name}}"):
        raise PredictError(f"--stamps {problem}")
    if "{name}" not in stamps and "{band}" not in stamps:
        if is_uri(stamps) or os.path.isdir(path):
            return _template_in(path, bands, cubes=cubes)
        hint = "a template contains {name} and {band}, such as 'stamps/{name}_{band}.fits'"
        problem = "is not a folder" if os.path.exists(path) else "does not exist"
        raise PredictError(f"--stamps {stamps}: {problem}; {hint}")
    if "{name}" not in stamps:
        raise PredictError(f"--stamps {stamps!r} does not contain {{name}}")
    if not cubes and "{band}" not in stamps:
        raise PredictError(
            f"--stamps {stamps!r} does not contain {{band}}; for one cube per object set --cube-bands"
        )
    if cubes and "{band}" in stamps:
        raise PredictError(f"--stamps {stamps!r} contains {{band}}, but --cube-bands is set")
    return path


def _template_in(folder: str, bands: Sequence[str], *, cubes: bool) -> str:
    layouts = ("{name}",) if cubes else _LAYOUTS
    found: dict[str, int] = {}
    paths = list(listing(Remote(f"{folder}/"))) if is_uri(folder) else None
    for layout in layouts:
        templates = (f"{folder}/{layout}{extension}" for extension in _EXTENSIONS)
        counts = {template: len(names_in(template, bands, paths)) for template in templates}
        found = {template: count for template, count in counts.items() if count}
        if found:  # the last layout also fits the names of those before
            break
    if not found:
        raise PredictError(
            f"--stamps {folder}: no files like {layouts[0]}.fits for the bands {', '.join(bands)}; name them"
            " by a template with {name}" + (" and {band}" if not cubes else "")
        )
    best = max(found, key=lambda template: found[template])
    others = [template for template in found if template != best]
    if others:
        raise PredictError(
            f"--stamps {folder} holds files of several kinds: {best} ({found[best]:,} objects) and"
            f" {others[0]} ({found[others[0]]:,} objects); choose one of these templates"
        )
    return best


def names_in(template: str, bands: Sequence[str], paths: Iterable[str] | None = None) -> list[str]:
    """Return the names of all objects with a file in at least one band.

    Parameters
    ----------
    template : str
        Absolute path or URI with ``{name}`` and, unless files are cubes, ``{band}``.
    bands : sequence of str
        Any spelling of a band counts, as in `preprocessing.stamp_paths.find_stamp`.
    paths : iterable of str, optional
        The files among which to look; by default those of the folder, or of the object store.

    Returns
    -------
    list of str
        Sorted.

    Raises
    ------
    StorageError
        If an object store cannot be read.
    """
    if paths is None:
        paths = listed_below(template, bands) if is_uri(template) else _paths(template)
    spellings = [spelling for band in bands for spelling in band_spellings(band)]
    pattern = re.compile(_expression(template, spellings))
    matches = (pattern.fullmatch(path) for path in paths)
    return sorted({match["name"] for match in matches if match})


def _paths(template: str) -> Iterator[str]:
    parts = re.split(r"(\{name\}|\{band\})", template)
    return glob.iglob("".join("*" if part in ("{name}", "{band}") else glob.escape(part) for part in parts))


def _expression(template: str, spellings: Sequence[str]) -> str:
    band = "|".join(map(re.escape, sorted(spellings, key=len, reverse=True)))
    groups = {"{name}": "(?P<name>[^/]+)", "{band}": f"(?P<band>{band})"}
    again = {"{name}": "(?P=name)", "{band}": "(?P=band)"}
    expression, seen = "", set()
    for part in re.split(r"(\{name\}|\{band\})", template):
        if part in groups:
            expression += again[part] if part in seen else groups[part]
            seen.add(part)
        else:
            expression += re.escape(part)
    return expression


def readable_file(path: Path, option: str) -> Path:
    """Return the path; raise `PredictError` if the file of an option cannot be read."""
    if problem := unreadable_file(path):
        raise PredictError(f"{option} {path} {problem}")
    return path
