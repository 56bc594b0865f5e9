"""Latency while a version is published, with and without its warm-up requests: what warm-up is for."""

import shutil
import statistics
import tempfile
import threading
from pathlib import Path

from rich.console import Console

from benchmarks.serving.client import Job, Request
from benchmarks.serving.tools import export, fits_request, galaxies, run_client, server
from evaluation.formats.exported_model import WARM_UP_FILE

RATE = 10.0
"""Requests a second, of one galaxy each: a fifth of what two cores can do."""
ROUNDS = 3


def measure_swaps(console: Console, seconds: float) -> None:
    """Print the latency before and during a swap of versions, in turns with and without warm-up.

    Parameters
    ----------
    console : Console
    seconds : float
        Duration of each of both measurements. A new version is published after a quarter of the second.
    """
    requests = [Request(fits_request(one)) for one in galaxies(8)]
    found: dict[bool, list[dict[str, dict]]] = {True: [], False: []}
    with tempfile.TemporaryDirectory() as folder:
        exported = Path(folder) / "exported"
        export(exported)
        for _ in range(ROUNDS):
            for warm in (True, False):
                found[warm].append(_swap(Path(folder) / "models", exported, warm, requests, seconds))
    for warm, rounds in found.items():
        p99 = {when: [round(one[when]["p99"] * 1e3) for one in rounds] for when in ("before", "during")}
        ratio = statistics.median(
            during / before for before, during in zip(p99["before"], p99["during"], strict=True)
        )
        failed = sum(one[when]["wrong_count"] for one in rounds for when in p99)
        console.print(
            f"a version published {'with' if warm else 'without'} warm-up requests, {RATE:g} requests/s:"
            f" p99 {p99['before']} ms before, {p99['during']} ms during; median ratio {ratio:.1f};"
            f" {failed} failed"
        )


def _swap(
    models: Path, exported: Path, warm: bool, requests: list[Request], seconds: float
) -> dict[str, dict]:
    shutil.rmtree(models, ignore_errors=True)
    shutil.copytree(exported, models / "1")  # with warm-up, so that the first version is warm in both cases
    incoming = models / ".incoming"
    shutil.copytree(exported, incoming)
    if not warm:
        (incoming / WARM_UP_FILE).unlink()
    with server(models) as (_, rest, _):
        job = Job("REST", rest, requests, 32, seconds, RATE)
        before = run_client(job, models.parent)
        publisher = threading.Timer(seconds / 4 + 2, lambda: incoming.rename(models / "2"))
        publisher.start()
        during = run_client(job, models.parent)
        publisher.join()
    return {"before": before, "during": during}
