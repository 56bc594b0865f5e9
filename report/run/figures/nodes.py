"""Time and memory of each node of the pipeline."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from report.html.formats import format_duration, format_percent
from report.html.svg import INK, SUGGESTED, drawing, name_axes
from report.run.figures.plot import Plot

GIBIBYTE = 1 << 30
_TIME = "Wall time of each node."
_SHOWN = (
    "Wall time of each node, and the largest memory, while it ran, of the one process that runs all nodes."
    " That process also holds what the nodes share and what earlier ones have left: it is not what a node"
    " needs by itself."
)


def draw_nodes(nodes: Sequence[Mapping[str, Any]], problem: str = "") -> Plot:
    """Draw the wall time of each node, and how large the process was that runs them all.

    Parameters
    ----------
    nodes : sequence of mapping
        ``node``, ``state``, ``seconds``, ``memory`` [bytes] or None.
    problem : str
        Why there are none: the rest of a sentence; empty where the file is there and names none.

    Returns
    -------
    Plot
    """
    if not nodes:
        return Plot(
            "nodes", f"Time and memory of the nodes are not known: {problem or 'nodes.json names none.'}"
        )
    memory = np.array([node.get("memory") or np.nan for node in nodes], np.float64) / GIBIBYTE
    seconds = np.array([node.get("seconds") or 0.0 for node in nodes], np.float64)
    measured = np.isfinite(memory).any()
    with drawing("nodes", 0.9 + 0.24 * len(nodes), png=True) as drawn:
        places = np.arange(len(nodes))[::-1]
        grid = drawn.figure.add_gridspec(1, 2 if measured else 1)
        left = drawn.axes(subplotspec=grid[0])
        left.barh(places, seconds, 0.6, color=INK, alpha=0.7)
        left.set_yticks(places, [node["node"] for node in nodes])
        name_axes(left, "time [s]", "")
        if measured:
            right = drawn.axes(subplotspec=grid[1], sharey=left)
            right.barh(places, np.nan_to_num(memory), 0.6, color=SUGGESTED)
            right.tick_params(labelleft=False)
            name_axes(right, "memory [GiB]", "")
        for axes in drawn.figure.axes:
            axes.grid(False, axis="y")
    return Plot.of("nodes", drawn, _SHOWN if measured else _TIME, _conclusion(nodes, seconds, memory))


def _conclusion(nodes: Sequence[Mapping[str, Any]], seconds: np.ndarray, memory: np.ndarray) -> str:
    total = float(seconds.sum())
    cached = sum(node.get("state") == "cached" for node in nodes)
    note = f" {cached} of {len(nodes)} nodes had nothing new to do." if cached else ""
    if not total:
        return f"None took any time.{note}"
    longest = int(np.argmax(seconds))
    text = (
        f"Together they took {format_duration(total)}, {format_percent(seconds[longest] / total, 0)} of it in"
        f" {nodes[longest]['node']}"
    )
    if np.isfinite(memory).any():
        most = int(np.nanargmax(memory))
        text += f"; the process was largest in {nodes[most]['node']}, {memory[most]:.1f} GiB"
    return f"{text}.{note}"
