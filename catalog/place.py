"""The folder of a catalogue, and the work folder in which it is made: what may lie there, who may begin."""

import contextlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from catalog import chunks, prepare, shipped
from catalog.engine import LOG, Engine
from catalog.errors import CatalogError
from catalog.output.write import is_complete
from catalog.plan import CHUNK_ROWS, OBJECTS, PLAN
from catalog.runners import check_runner
from catalog.store import Store

WORK = ".work"
"""Folder of the unfinished catalogue, in that of the catalogue."""
ELSEWHERE = "elsewhere.txt"
"""File in `WORK` that says where the unfinished catalogue is, if it is elsewhere."""
PARTS = "parts"
OWNER = "owner.txt"
"""File in the work folder that names the folder of its catalogue."""
_PROBE = "probe"
OWN = (PLAN, OBJECTS, chunks.FOLDER, PARTS, prepare.FOLDER, shipped.FOLDER, ELSEWHERE, OWNER, LOG, _PROBE)
"""What may lie in the work folder; nothing else is removed."""

Existing = Literal["refuse", "resume", "overwrite"]


class CompleteError(CatalogError):
    """The catalogue is there, and finished."""


@dataclass(frozen=True)
class Settings:
    """What to make, and how to go about it.

    Attributes
    ----------
    out : Path
        Folder of the catalogue.
    existing : str
        What to do if it is there: ``refuse``, ``resume`` or ``overwrite``.
    part : (int, int) or None
        Number of the part, from 1, and number of parts; the others are classified by other commands.
    engine : Engine
    batch : int or None
        Objects that are classified at once; by default as many as fit into `BATCH_BYTES`, 64 at most.
    chunk_rows : int
    work_place : str
        Folder or URI below which the unfinished catalogue lies; empty for the folder of the catalogue.
    """

    out: Path
    existing: Existing = "refuse"
    part: tuple[int, int] | None = None
    engine: Engine = field(default_factory=Engine)
    batch: int | None = None
    chunk_rows: int = CHUNK_ROWS
    work_place: str = ""

    @property
    def work(self) -> Store:
        """The work folder. It is removed at the end, so that one elsewhere is a folder of our own."""
        if self.work_place:
            return Store(f"{self.work_place.rstrip('/')}/{self.out.name}{WORK}")
        return self.marker

    @property
    def marker(self) -> Store:
        """The folder `WORK` in that of the catalogue, for what stays on this machine."""
        return Store(str(self.out / WORK))

    @property
    def folders(self) -> list[Store]:
        """The work folder and, if that is elsewhere, the marker."""
        return [self.work, self.marker] if self.work_place else [self.marker]


def check_out(settings: Settings) -> None:
    """Check the folder of the catalogue and the engine, before the input is read.

    Raises
    ------
    CatalogError
        If there is a catalogue already and nothing says what to do with it (`CompleteError` if it is
        finished), the folder holds other files, or the engine cannot work (`check_runner`).
    """
    check_runner(settings.engine.arguments())
    out, work, engine = settings.out, settings.work, settings.engine
    if not engine.reaches_disks and not work.is_remote:
        raise CatalogError(
            f"--runner {engine.runner}: its workers do not reach {work.place}; give --work URI"
        )
    if out.exists() and not out.is_dir():
        raise CatalogError(f"--out {out} is a file; a catalogue is a folder")
    complete, begun = is_complete(out), (out / WORK).is_dir()
    if not complete and not begun and out.is_dir() and any(out.iterdir()):
        raise CatalogError(f"--out {out} holds files that are no catalogue; choose another folder")
    _check_place(settings)
    others = [store for store in _earlier(settings) if store.place != work.place]
    if settings.existing == "overwrite":
        for store in (*others, work):
            store.remove(OWN)  # the finished catalogue stays until the new one is whole
        return
    if complete and (settings.existing == "refuse" or settings.part or not begun):
        raise CompleteError(f"--out {out} holds a finished catalogue; --overwrite replaces it")
    if unfinished := [store.place for store in others if chunks.finished(store)]:
        raise CatalogError(
            f"--out {out} holds an unfinished catalogue whose work folder is {unfinished[0]}; give the same"
            " --work, or --overwrite to begin anew"
        )
    if settings.existing == "refuse" and not settings.part and chunks.finished(work):
        raise CatalogError(
            f"--out {out} holds an unfinished catalogue; --resume continues it, --overwrite begins anew"
        )
    for store in others:
        if store.place != settings.marker.place and not settings.part:
            store.remove(OWN)  # it holds no chunks


def _check_place(settings: Settings) -> None:
    """Check the work folder, if it is elsewhere: it must be ours, and it must be possible to write there."""
    if not settings.work_place:
        return
    out, work = settings.out, settings.work
    if not work.is_remote:
        here, there = out.resolve(), Path(settings.work_place).resolve()
        if there.is_relative_to(here) or here.is_relative_to(Path(work.place).resolve()):
            raise CatalogError(f"--work {there} and --out {out} lie in each other; choose another place")
    try:
        foreign = work.names() - set(OWN)
        if foreign:
            raise CatalogError(f"{work.place} holds other files, such as {min(foreign)}")
        owner, continues = _text(work, OWNER), settings.existing == "resume" or settings.part
        if owner not in ("", str(out)) and not continues and chunks.finished(work):
            raise CatalogError(
                f"{work.place} holds an unfinished catalogue of --out {owner}; choose another place, or"
                " another name for --out, or --resume to continue it"
            )
        work.write(_PROBE, b"")
        with contextlib.suppress(CatalogError):  # there may be no permission to remove
            work.remove([_PROBE])
    except CatalogError as error:
        raise CatalogError(f"--work {settings.work_place}: {error}") from error


def _earlier(settings: Settings) -> list[Store]:
    """Return the work folders that the folder of the catalogue has or names."""
    elsewhere = _text(settings.marker, ELSEWHERE)
    return [settings.marker, *([Store(elsewhere)] if elsewhere else [])]


def _text(store: Store, name: str) -> str:
    """Return the path that a file holds; empty if there is no such file."""
    try:
        return os.fsdecode(store.read(name)).strip()
    except FileNotFoundError:
        return ""
