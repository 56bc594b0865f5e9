"""Copy the report of a finished run to ``report/`` under the root."""

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

from pipeline.child import Outcome, RunPaths
from pipeline.config import Settings
from report.evidence.folders import REPORT, REPORTS, finish_of, report_time, reports_of
from report.evidence.reading import CONFIGURATION, FINISHED, NODES
from report.run.build import build


def collect_report(paths: RunPaths, outcome: Outcome, settings: Settings) -> dict[str, Any]:
    """Copy the run's report artifact, with time and memory of each node, to ``report/`` in one step.

    The report of an earlier run is moved to ``reports/``. A run in which every node was a cache hit adds no
    report of its own.

    Parameters
    ----------
    paths : RunPaths
    outcome : Outcome
        Outcome of a run in which no node failed.
    settings : Settings

    Returns
    -------
    dict
        The content of ``metrics.json``.
    """
    artifact = outcome.outputs["MorphologyReport"]["report"]
    known = _report_of_artifact(paths.root, artifact)
    finished = {
        # If every node was a cache hit there is nothing new, so the report keeps the time of the first run.
        "time": report_time(known) if known else time.strftime("%Y-%m-%dT%H-%M-%S"),
        "artifact": os.path.relpath(artifact, paths.root),
    }
    copy = paths.root / ".report-incoming"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(artifact, copy)
    (copy / CONFIGURATION).write_text(settings.to_toml())
    costs = node_costs(outcome, (known or paths.report) / NODES)
    (copy / NODES).write_text(json.dumps(costs, indent=2) + "\n")
    (copy / FINISHED).write_text(json.dumps(finished, indent=2) + "\n")
    metrics = build(copy)
    if known:
        shutil.rmtree(known)
    keep_report(paths.root)
    copy.rename(paths.report)
    return metrics


def _report_of_artifact(root: Path, artifact: str) -> Path | None:
    """Return the folder of the report that was copied from an artifact, or None."""
    for folder in reports_of(root).values():
        if finish_of(folder).get("artifact") == os.path.relpath(artifact, root):
            return folder
    return None


def keep_report(root: Path) -> None:
    """Move the report of the last run to ``reports/``, in a folder named by its time.

    Parameters
    ----------
    root : Path
        Root of the run. Afterwards it has no folder ``report``; an incomplete report is removed.
    """
    report = root / REPORT
    if report not in reports_of(root).values():
        shutil.rmtree(report, ignore_errors=True)
        return
    when = report_time(report)
    place = root / REPORTS / when
    number = 1
    while place.exists():
        number += 1
        place = place.with_name(f"{when}-{number}")
    place.parent.mkdir(exist_ok=True)
    report.rename(place)


def node_costs(outcome: Outcome, former: Path) -> list[dict[str, Any]]:
    """Return time and memory of each node; for a cache hit, those of the run that executed the node.

    Parameters
    ----------
    outcome : Outcome
    former : Path
        JSON file with the return value of the last run; need not exist.

    Returns
    -------
    list of dict
        ``node``, ``state``, ``seconds``, ``memory`` [bytes].
    """
    try:
        known = {node["node"]: node for node in json.loads(former.read_text())}
    except (OSError, ValueError, TypeError, KeyError):
        known = {}
    costs = []
    for node in outcome.nodes:
        cost = {"seconds": node.seconds, "memory": node.memory}
        if node.state == "cached" and node.node in known:
            cost = {name: known[node.node].get(name) for name in cost}
        costs.append({"node": node.node, "state": node.state, **cost})
    return costs
