"""Fetch stamps of many objects in several bands, and write a manifest."""

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from fetch.errors import Cause, FetchError
from fetch.manifest import (
    FAILED,
    FETCHED,
    PRESENT,
    Entry,
    append_entry,
    folder_lock,
    read_manifest,
    rewrite_manifest,
)
from fetch.one_stamp import Outcome, StampFetcher, StampSource, stamp_template
from fetch.targets import Target
from fetch.workers import Workers

MANIFEST = "manifest.csv"

_GIVE_UP_AFTER = 8  # failed stamps in a row, if the host is down or requires a password


@dataclass
class StampSummary:
    """The results for all stamps.

    Attributes
    ----------
    stamps : str
        The template for ``[data] stamps``.
    manifest : Path
    total : int
        Number of requested stamps.
    counts : Counter
        Number of stamps by status.
    reasons : Counter
        Number of failed stamps by message.
    interrupted : bool
        Whether the user pressed Ctrl-C.
    """

    stamps: str
    manifest: Path
    total: int
    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    interrupted: bool = False

    @property
    def there(self) -> int:
        """Number of stamps that can be used."""
        return self.counts[FETCHED] + self.counts[PRESENT]


def fetch_stamps(
    targets: Sequence[Target],
    bands: Sequence[str],
    folder: Path,
    source: StampSource,
    *,
    size: int,
    workers: int = 4,
    progress: Callable[[StampSummary], None] | None = None,
) -> StampSummary:
    """Fetch the stamps of a table.

    Parameters
    ----------
    targets : sequence of Target
    bands : sequence of str
    folder : Path
        Gets ``{band}_stamps/{name}_{band}.fits`` and ``manifest.csv``.
    source : StampSource
    size : int
        Side to request [pixels]. A stamp of another size is kept, with a note in the manifest.
    workers : int
        Number of requests at the same time.
    progress : callable, optional
        Called after each stamp with the summary so far.

    Returns
    -------
    StampSummary

    Raises
    ------
    FetchError
        If files cannot be written, the source cannot be reached or refuses access, or no stamp is available
        at the end.
    """
    if set("{}") & set(str(folder)):
        raise FetchError(f"{folder}: the path must not contain braces")
    summary = StampSummary(stamp_template(folder), folder / MANIFEST, len(targets) * len(bands))
    try:
        with folder_lock(folder):
            for band in bands:
                (folder / f"{band}_stamps").mkdir(exist_ok=True)
            jobs = list(itertools.product(targets, bands))
            _fetch_all(jobs, folder, source, size, workers, summary, progress)
    except OSError as error:
        where = error.filename or folder
        raise FetchError(f"{where} cannot be written: {error.strerror or error}") from error
    if summary.total == summary.counts[FAILED]:
        message, count = summary.reasons.most_common(1)[0]
        raise FetchError(
            f"all {summary.total} stamps failed ({count} x {message}); {summary.manifest} lists them"
        )
    return summary


def _fetch_all(
    jobs: list[tuple[Target, str]],
    folder: Path,
    source: StampSource,
    size: int,
    workers: int,
    summary: StampSummary,
    progress: Callable[[StampSummary], None] | None,
) -> None:
    stop = Event()
    known = read_manifest(summary.manifest)
    fetcher = StampFetcher(folder, source, known, size, stop)
    # Failed stamps are tried again. Their old lines are removed first, so that there are no duplicates.
    wanted = dict.fromkeys((target.name, band) for target, band in jobs)
    entries = {key: entry for key, entry in known.items() if entry.status != FAILED or key not in wanted}
    rewrite_manifest(summary.manifest, entries.values())

    def note(entry: Entry) -> None:
        key = entry.name, entry.band
        if not (entry.status == PRESENT and key in entries):
            append_entry(summary.manifest, entry)
        entries[key] = entry
        summary.counts[entry.status] += 1
        if entry.status == FAILED:
            summary.reasons[entry.message] += 1

    threads = Workers(fetcher.fetch, jobs, min(workers, len(jobs)), stop)
    watch = _Watch(max(_GIVE_UP_AFTER, 2 * workers))
    try:
        for _ in jobs:
            outcome = threads.next_result()
            note(outcome.entry)
            if progress is not None:
                progress(summary)
            if watch.hopeless(outcome):
                break
    except KeyboardInterrupt:
        summary.interrupted = True
    finally:
        for outcome in threads.wind_up():
            note(outcome.entry)
        others = [entry for key, entry in entries.items() if key not in wanted]
        ours = [entries[key] for key in wanted if key in entries]  # in the order of the table
        rewrite_manifest(summary.manifest, [*others, *ours])
    if watch.in_vain and not summary.interrupted:
        raise FetchError(
            f"gave up on {source.host}: {watch.message}; {summary.there} of {summary.total} stamps are "
            "available; run the same command again to continue"
        )


class _Watch:
    """Detects that the source does not answer.

    Parameters
    ----------
    limit : int
        Number of failed requests in a row after which to give up.
    """

    def __init__(self, limit: int) -> None:
        self._limit, self._in_a_row, self._answered = limit, 0, False
        self.message = ""

    def hopeless(self, outcome: Outcome) -> bool:
        """Count one more stamp, and return whether to give up."""
        if outcome.cause in (Cause.UNREACHABLE, Cause.REFUSED):
            self._in_a_row += 1
            self.message = outcome.entry.message
        elif outcome.entry.attempts:
            self._in_a_row, self._answered = 0, True
        return self._in_a_row >= self._limit

    @property
    def in_vain(self) -> bool:
        """Whether the last `limit` requests, or all if there were fewer, got no answer."""
        return self._in_a_row >= self._limit or bool(self._in_a_row and not self._answered)
