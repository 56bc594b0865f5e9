"""The report of a run that has ended, where its user looks for it."""

import json
import shutil
from pathlib import Path
from typing import Any

from pipeline.child import Outcome, RunPaths
from pipeline.config import Settings
from report.evidence.reading import CONFIGURATION, NODES
from report.run.build import build


def collect_report(paths: RunPaths, outcome: Outcome, settings: Settings) -> dict[str, Any]:
    """Copy the run's report artifact to ``report/`` with what the nodes took, all at once.

    Parameters
    ----------
    paths : RunPaths
    outcome : Outcome
        Of a run in which no node failed.
    settings : Settings

    Returns
    -------
    dict
        Its metrics.
    """
    copy = paths.root / ".report-incoming"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(outcome.outputs["MorphologyReport"]["report"], copy)
    (copy / CONFIGURATION).write_text(settings.to_toml())
    (copy / NODES).write_text(json.dumps(node_costs(outcome, paths.report / NODES), indent=2) + "\n")
    metrics = build(copy)
    shutil.rmtree(paths.report, ignore_errors=True)
    copy.rename(paths.report)
    return metrics


def node_costs(outcome: Outcome, former: Path) -> list[dict[str, Any]]:
    """Return what each node took; of one that was not run again, what it took when it was.

    Parameters
    ----------
    outcome : Outcome
    former : Path
        What this function returned for the last run, as JSON; need not exist.

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
