"""Pictures of selected galaxies, exactly as the network sees them, from the Examples of the run."""

import json
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from preprocessing import features
from preprocessing.bands import RGB_PRESETS
from preprocessing.picture import decode_planes, picture_of_planes
from preprocessing.picture_files import upright_pngs
from preprocessing.progress import send_progress
from preprocessing.settings import STRETCH_FACTORS, ImageSettings
from report.evidence.reading import PICTURE_INDEX

_BATCH_EXAMPLES = 64

Example = Mapping[str, tf.train.Feature]


def render_pictures(
    folder: Path,
    files: Mapping[str, Sequence[str]],
    names: Collection[str],
    views: Collection[str],
    image: ImageSettings,
    bands: Sequence[str],
) -> None:
    """Write PNG files of selected galaxies, and `PICTURE_INDEX`, which lists them by galaxy.

    Parameters
    ----------
    folder : Path
        Output folder, created if it does not exist.
    files : mapping of str to sequence of str
        TFRecords of raw Examples by split. They are read once, in batches; only the Examples of the selected
        galaxies are parsed completely.
    names : collection of str
        Galaxies to show.
    views : collection of str
        Galaxies to show also with other band sets and stretches.
    image : ImageSettings
        Settings of the network's pictures.
    bands : sequence of str
        Bands in the Examples.

    Notes
    -----
    The index holds ``galaxies`` (by name: ``picture``, ``views`` by title), ``size`` [pixels], ``problems``
    (by name: why there is no picture) and ``notes``. The first row of a picture is the top row of the image.
    Files are numbered, because a name may contain any character.
    """
    folder.mkdir(parents=True, exist_ok=True)
    others, notes = _other_views(image, bands) if views else ({}, [])
    chosen = sorted({*names, *views})
    numbers = {name: number for number, name in enumerate(chosen)}
    galaxies: dict[str, dict[str, Any]] = {}
    problems = dict.fromkeys(chosen, "it is not among the Examples of the run")
    for name, record in _chosen_records(files, chosen):
        example = tf.train.Example.FromString(record).features.feature
        try:
            galaxies[name] = _write(
                folder, f"{numbers[name]:04d}", example, image, others if name in views else {}
            )
            del problems[name]
        except _NoPicture as error:
            problems[name] = str(error)
        send_progress("rendering pictures", done=1, total=len(chosen))
    index = {
        "galaxies": {name: galaxies[name] for name in chosen if name in galaxies},
        "size": image.size,
        "problems": problems,
        "notes": notes,
    }
    (folder / PICTURE_INDEX).write_text(json.dumps(index, indent=2) + "\n")


class _NoPicture(Exception):
    """Why there is no picture."""


def _other_views(image: ImageSettings, bands: Sequence[str]) -> tuple[dict[str, ImageSettings], list[str]]:
    """Return other picture settings by title, and a note on each for which bands are missing."""
    others: dict[str, ImageSettings] = {}
    notes = []
    # A band keeps its black level when it is shown in another colour.
    black = dict(zip(image.bands, image.minima, strict=True))
    other = image.minimum if isinstance(image.minimum, float) else 0.0
    for title, preset in RGB_PRESETS.items():
        missing = [band for band in preset if band not in bands]
        if missing:
            kept = ", ".join(f'"{band}"' for band in (*bands, *missing))
            notes.append(
                f"{title} is not shown: the Examples have no {' and no '.join(missing)};"
                f" [data] bands = [{kept}] would keep {'it' if len(missing) == 1 else 'them'}"
            )
        elif preset != image.bands:
            others[title] = ImageSettings(
                **image.model_dump() | {"rgb": preset, "minimum": [black.get(band, other) for band in preset]}
            )
    for factor in STRETCH_FACTORS:
        if factor != 1.0:
            stretch = image.stretch * factor
            others[f"stretch {stretch:.3g}"] = image.model_copy(update={"stretch": stretch})
    return others, notes


def _chosen_records(
    files: Mapping[str, Sequence[str]], names: Collection[str]
) -> Iterator[tuple[str, bytes]]:
    """Yield name and record of the requested galaxies; reading stops after the last of them."""
    missing = {name.encode() for name in names}
    specification = {features.NAME: tf.io.FixedLenFeature([], tf.string)}
    for paths in files.values():
        if not missing or not paths:
            continue
        records = tf.data.TFRecordDataset(sorted(paths)).batch(_BATCH_EXAMPLES)
        named = records.map(lambda batch: (tf.io.parse_example(batch, specification)[features.NAME], batch))
        for found, batch in named.prefetch(1):
            for place, name in enumerate(found.numpy()):
                if name in missing:
                    missing.remove(name)
                    yield name.decode(), batch[place].numpy()
            if not missing:
                break


def _write(
    folder: Path, number: str, example: Example, image: ImageSettings, others: Mapping[str, ImageSettings]
) -> dict[str, Any]:
    """Write the pictures of a galaxy and return its entry in the index."""
    picture = f"{number}.png"
    (folder / picture).write_bytes(_render(example, image))
    views = {}
    for place, (title, other) in enumerate(others.items(), start=1):
        views[title] = f"{number}-view-{place}.png"
        (folder / views[title]).write_bytes(_render(example, other))
    return {"picture": picture, "views": views}


def _render(example: Example, image: ImageSettings) -> bytes:
    """Return a picture as PNG, or raise `_NoPicture`."""
    planes = []
    for band in image.bands:
        feature = features.flux_feature(band)
        if feature not in example or not example[feature].bytes_list.value:
            raise _NoPicture(f"its Example has no plane of band {band}")
        planes.append(example[feature].bytes_list.value[0])
    sides = {math.sqrt(len(plane) / 4) for plane in planes}
    side = sides.pop()
    if sides or not side.is_integer():
        raise _NoPicture("the planes of its Example are not squares of one size")
    if side < image.cut:
        raise _NoPicture(f"its planes of {side:.0f} pixels are smaller than the cut of {image.cut}")
    cuts = decode_planes([tf.constant([plane]) for plane in planes], image.cut)
    return upright_pngs(picture_of_planes(cuts, image))[0]
