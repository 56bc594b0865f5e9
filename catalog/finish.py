"""Write the files of a catalogue whose chunks are all there, and remove the work folder."""

from collections.abc import Callable

import pyarrow as pa

from catalog.errors import CatalogError
from catalog.output.about import About
from catalog.output.counts import Summary
from catalog.output.write import write_catalogue
from catalog.place import OWN, Settings
from catalog.plan import Plan
from catalog.session import classified, rejected


def finish(
    settings: Settings,
    kind: str,
    plan: Plan,
    about: About,
    *,
    watch: Callable[[pa.Table], None] | None = None,
    page: Callable[[Summary], str] | None = None,
    note: Callable[[str], None] = lambda sentence: None,
) -> Summary:
    """Write the catalogue.

    Parameters
    ----------
    settings : Settings
    kind : str
        Format of the table.
    plan : Plan
        All its chunks are there.
    about : About
    watch, page : callable, optional
        See `catalog.output.write.write_catalogue`.
    note : callable, optional
        Gets a sentence if the work folder cannot be removed.

    Returns
    -------
    Summary

    Raises
    ------
    CatalogError
        If a file cannot be written; the work folder is kept then.
    """
    store = settings.work
    summary = write_catalogue(
        settings.out,
        kind,
        lambda: classified(store, plan),
        about,
        rejects=lambda: rejected(store, plan),
        rows=plan.rows,
        watch=watch,
        page=page,
    )
    for folder in settings.folders:
        try:
            folder.remove(OWN)
        except CatalogError as error:
            note(f"the catalogue is complete, but {error}; remove it yourself")
    if not summary.classified:
        reasons = ", ".join(f"{number:,} {reason}" for reason, number in summary.reasons.items())
        raise CatalogError(
            f"none of {summary.rows:,} objects could be classified ({reasons}); {settings.out}/rejects.csv"
            " says why"
        )
    return summary
