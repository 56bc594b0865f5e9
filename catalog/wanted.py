"""What a user wants to be classified, and the input that it stands for."""

import math
from dataclasses import dataclass

from catalog.engine import Engine
from catalog.errors import CatalogError
from catalog.fields.input import fields_input
from catalog.objects import Input
from catalog.stamps import stamps_input
from evaluation.formats.exported_model import METADATA_FILE
from preprocessing.locations import is_uri, location, uri_problem
from serving.predict.description import Description
from serving.predict.errors import PredictError
from serving.predict.target import cube_bands_in
from serving.published import PublishedModel


@dataclass(frozen=True)
class Wanted:
    """What is classified, as the options of the command say it: stamps, or fields and sources.

    Attributes
    ----------
    stamps, table, cube_bands : str or None
    fields, sources : str or None
    stamp_size : int or None
    """

    stamps: str | None
    table: str | None
    cube_bands: str | None
    fields: str | None
    sources: str | None
    stamp_size: int | None


def input_of(model: PublishedModel, wanted: Wanted, workers: int | None) -> Input:
    """Return the input of a classification.

    Parameters
    ----------
    model : PublishedModel
    wanted : Wanted
    workers : int or None
        Processes that read stamps; by default as many as suit the number of objects.

    Raises
    ------
    CatalogError
        If options contradict each other or the model, or the input cannot be used.
    StorageError
        If an object store cannot be read.
    """
    try:
        description = Description.of(model.description, str(model.path / METADATA_FILE))
    except PredictError as error:
        raise CatalogError(str(error)) from error
    if (wanted.stamps is None) == (wanted.fields is None):
        raise CatalogError("give either --stamps, or --fields and --sources")
    if wanted.stamps is not None:
        _refuse(wanted, ("sources", "stamp_size"), "is for --fields, not for --stamps")
        return _stamps(wanted, description, workers)
    _refuse(wanted, ("table", "cube_bands"), "is for --stamps, not for --fields")
    if wanted.sources is None:
        raise CatalogError("--fields needs --sources, the table of the objects in the fields")
    return _fields(wanted, description)


def check_reach(wanted: Wanted, engine: Engine) -> None:
    """Raise `CatalogError` if the workers of a runner do not reach the input."""
    if engine.reaches_disks:
        return
    runner = engine.runner
    if wanted.fields is not None:
        raise CatalogError(f"--runner {runner}: its workers do not reach the images of --fields")
    if wanted.stamps is not None and not is_uri(wanted.stamps):
        raise CatalogError(
            f"--runner {runner}: its workers do not reach --stamps {wanted.stamps}; give a URI"
        )


def _refuse(wanted: Wanted, options: tuple[str, ...], why: str) -> None:
    for option in options:
        if getattr(wanted, option) is not None:
            raise CatalogError(f"--{option.replace('_', '-')} {why}")


def _fields(wanted: Wanted, description: Description) -> Input:
    for option in ("fields", "sources"):
        if problem := uri_problem(getattr(wanted, option)):
            raise CatalogError(f"--{option} {problem}")
    side = _stamp_side(wanted.stamp_size, description)
    return fields_input(location(str(wanted.fields)), location(str(wanted.sources)), description, side)


def _stamp_side(given: int | None, description: Description) -> int | None:
    """Return the side of the training stamps: as the model records it, or as the user says."""
    if description.training is None:
        return given
    height, width = description.training.stamp
    recorded = round(math.sqrt(height * width))
    if given not in (None, recorded):
        raise CatalogError(
            f"--stamp-size {given}: the model was trained on stamps of {width} x {height} pixels"
        )
    return recorded


def _stamps(wanted: Wanted, description: Description, workers: int | None) -> Input:
    if wanted.table and (problem := uri_problem(wanted.table)):
        raise CatalogError(f"--table {problem}")
    try:
        bands = cube_bands_in(wanted.cube_bands)
    except PredictError as error:
        raise CatalogError(str(error)) from error
    table = location(wanted.table) if wanted.table else None
    return stamps_input(str(wanted.stamps), table, description, bands, workers)
