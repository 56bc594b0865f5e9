"""What became of the model in a server, in words."""

from collections.abc import Iterator, Mapping
from typing import Any

from report.html.formats import count_of

_SERVERS = {
    "python": "a process with TensorFlow alone",
    "tensorflow_model_server": "TF Serving",
    "docker": "TF Serving in Docker",
}


def measured(trial: Mapping[str, Any] | None) -> str:
    """Return load time, latency and memory as a phrase; empty if nothing was measured.

    Parameters
    ----------
    trial : mapping or None
        ``serving`` of ``metrics.json``, see `serving.validation.result.Trial`.
    """
    return ", ".join(_measures(trial or {}))


def sentence(trial: Mapping[str, Any] | None) -> str:
    """Return the result of the trial as a sentence."""
    if trial is None:
        return "The model was not tried in a server."
    if trial.get("skipped"):
        return f"The model was not tried in a server: {trial['skipped']}."
    server = _SERVERS.get(trial.get("server") or "", "a server")
    if not trial["blessed"]:
        return f"The model cannot be served (tried in {server}): {'; '.join(trial['reasons'])}."
    said = f": {figures}" if (figures := measured(trial)) else ""
    return f"The model was tried in {server} before it was published{said}."


def _measures(trial: Mapping[str, Any]) -> Iterator[str]:
    if trial.get("load_seconds") is not None:
        yield f"loads in {trial['load_seconds']:.1f} s"
    for batch, times in (trial.get("latency") or {}).items():
        galaxies = count_of(int(batch), "galaxy", "galaxies")
        median, p99 = _milliseconds(times["median"]), _milliseconds(times["p99"])
        yield f"answers {galaxies} in {median} (99th percentile {p99})"
    if trial.get("peak_memory"):
        yield f"takes {trial['peak_memory'] / 2**20:.0f} MiB of memory"


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"
