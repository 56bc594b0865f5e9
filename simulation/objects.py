"""Create one object of the survey: its files and its rows in the tables. Runs in the worker processes."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from preprocessing.bands import BAND_TABLE
from simulation.fields import FIELDS, TILE_SIZE, observe_field
from simulation.population import Galaxy, draw_galaxy
from simulation.rendering import render_galaxy
from simulation.scene import add_noise, add_sources, draw_surroundings
from simulation.stamps import DAMAGES, stamp_header, write_stamp
from simulation.streams import Purpose, random_stream
from simulation.votes import Votes, draw_votes

_WITHOUT_FILES = 0.03
_DAMAGED = 0.01

_EDGE = 600
"""Smallest distance of objects from the edge of their field [pixels]."""


@dataclass(frozen=True)
class SurveyObject:
    """All properties of one object before it is drawn.

    Attributes
    ----------
    index : int
        Number in the survey, from 0.
    name : str
        Name such as ``SPLUS.STRIPE82-0036.14966.griz``.
    field_number : int
        Number of its field.
    x, y : float
        Position on the field's tile [pixels, first pixel centre at 1].
    ra, dec : float
        Position on the sky [deg].
    galaxy : Galaxy
        True parameters.
    votes : Votes
        Votes of the volunteers.
    damage : str
        Empty, ``no_files``, or one of `simulation.stamps.DAMAGES`.
    damaged_band : int
        Index of the damaged band, modulo the number of bands of the survey.
    """

    index: int
    name: str
    field_number: int
    x: float
    y: float
    ra: float
    dec: float
    galaxy: Galaxy
    votes: Votes
    damage: str
    damaged_band: int


def draw_object(seed: int, index: int) -> SurveyObject:
    """Draw the object number `index` of the survey with this seed.

    Parameters
    ----------
    seed : int
        Seed of the survey.
    index : int
        Number of the object, from 0.

    Returns
    -------
    SurveyObject
        Object that depends only on the two arguments.
    """
    random = random_stream(seed, Purpose.POPULATION, index)
    galaxy = draw_galaxy(random)
    field_number = int(random.integers(1, FIELDS + 1))
    x, y = (float(value) for value in random.uniform(_EDGE, TILE_SIZE - _EDGE, 2))
    ra, dec = observe_field(seed, field_number).sky_position(x, y)
    # 99991 is prime, so a full round of objects gets numbers that differ from one another.
    rounds, place = divmod(index, 99991)
    number = place * 7919 % 99991 + 1 + rounds * 99991
    fate = random_stream(seed, Purpose.DAMAGE, index)
    chance = fate.random()
    kind, band = str(fate.choice(DAMAGES)), int(fate.integers(0, 27720))  # divisible by every count of bands
    damage = "no_files" if chance < _WITHOUT_FILES else kind if chance < _WITHOUT_FILES + _DAMAGED else ""
    return SurveyObject(
        index=index,
        name=f"SPLUS.STRIPE82-{field_number:04d}.{number:05d}.griz",
        field_number=field_number,
        x=x,
        y=y,
        ra=round(ra, 7),
        dec=round(dec, 7),
        galaxy=galaxy,
        votes=draw_votes(galaxy, random_stream(seed, Purpose.VOTES, index)),
        damage=damage,
        damaged_band=band,
    )


def render_object(
    target: SurveyObject, seed: int, bands: Sequence[str], size: int
) -> tuple[np.ndarray, tuple[int, int]]:
    """Draw the stamps of one object.

    Parameters
    ----------
    target : SurveyObject
        The object.
    seed : int
        Seed of the survey.
    bands : sequence of str
        Band names.
    size : int
        Width and height [pixels].

    Returns
    -------
    planes : numpy.ndarray
        Counts, shape (len(bands), size, size), float32.
    corner : tuple of int
        Tile column and row of the first pixel [pixels, counted from 1].
    """
    field = observe_field(seed, target.field_number)
    # Surveys cut stamps at whole pixels, so the galaxy lies up to half a pixel off the centre.
    corner = (round(target.x - (size - 1) / 2), round(target.y - (size - 1) / 2))
    offset = (target.x - corner[0] - (size - 1) / 2, target.y - corner[1] - (size - 1) / 2)
    structure = random_stream(seed, Purpose.STRUCTURE, target.index)
    planes = render_galaxy(target.galaxy, field, bands, structure, size=size, offset=offset)
    sources = draw_surroundings(random_stream(seed, Purpose.SURROUNDINGS, target.index), size)
    add_sources(planes, sources, field, bands)
    for plane, band in zip(planes, bands, strict=True):
        noise = random_stream(seed, Purpose.NOISE, target.index, BAND_TABLE[band].number)
        plane[:] = add_noise(plane, field, band, noise)
    return planes, corner


def label_row(target: SurveyObject) -> dict[str, object]:
    """Return the object's row of ``labels.csv``."""
    votes = target.votes
    smooth, features, artifact = votes.answers
    arms, no_arms = votes.arms_answers
    measured = target.galaxy.magnitude + 0.02 * np.cos(
        target.index
    )  # a petrosian magnitude is not quite the total
    return {
        "name": target.name,
        "ra": f"{target.ra:.7f}",
        "dec": f"{target.dec:.7f}",
        "petroMag_r": f"{measured:.3f}",
        "total_classifications": votes.total_classifications,
        "t01_smooth_or_features_a01_smooth_count": smooth,
        "t01_smooth_or_features_a02_features_or_disk_count": features,
        "t01_smooth_or_features_a03_star_or_artifact_count": artifact,
        "t01_smooth_or_features_a01_smooth_debiased": votes.smooth,
        "t01_smooth_or_features_a02_features_or_disk_debiased": votes.features_or_disk,
        "t01_smooth_or_features_a03_star_or_artifact_debiased": votes.star_or_artifact,
        "t02_edgeon_a05_no_debiased": votes.not_edge_on,
        "t04_spiral_a08_spiral_count": arms,
        "t04_spiral_a09_no_spiral_count": no_arms,
        "t04_spiral_a08_spiral_debiased": votes.spiral,
        "gz2_class": votes.gz2_class,
    }


def truth_row(target: SurveyObject, bands: Sequence[str]) -> dict[str, object]:
    """Return the object's row of ``truth.csv``: true parameters, and damage to its files."""
    parameters = {
        name: f"{value:.5g}" if isinstance(value, float) else value
        for name, value in asdict(target.galaxy).items()
    }
    one_file = target.damage in DAMAGES
    return {
        "name": target.name,
        **parameters,
        "arm_visibility": f"{target.galaxy.visibility:.4f}",
        "damage": target.damage,
        "damaged_band": bands[target.damaged_band % len(bands)] if one_file else "",
    }


def simulate_objects(
    out: Path, indices: Sequence[int], seed: int, bands: Sequence[str], size: int
) -> list[tuple[dict[str, object], dict[str, object]]]:
    """Draw and write the stamps of some objects.

    Parameters
    ----------
    out : pathlib.Path
        Folder of the survey; the folders of the bands exist in it.
    indices : sequence of int
        Numbers of the objects.
    seed : int
        Seed of the survey.
    bands : sequence of str
        Band names.
    size : int
        Width and height of stamps [pixels].

    Returns
    -------
    list of tuple of dict
        For each object its rows of ``labels.csv`` and of ``truth.csv``.
    """
    rows = []
    for index in indices:
        target = draw_object(seed, index)
        rows.append((label_row(target), truth_row(target, bands)))
        if target.damage == "no_files":
            continue
        planes, corner = render_object(target, seed, bands, size)
        field = observe_field(seed, target.field_number)
        for position, (plane, band) in enumerate(zip(planes, bands, strict=True)):
            damage = target.damage if position == target.damaged_band % len(bands) else ""
            path = out / f"{band}_stamps" / f"{target.name}_{band}.fits"
            write_stamp(path, plane, stamp_header(target.name, field, band, corner), damage)
    return rows
