"""Time and memory of each node of the pipeline."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from report.html.formats import count_of, format_duration, format_percent
from report.html.svg import INK, SUGGESTED, drawing, name_axes
from report.run.figures.plot import Plot

GIBIBYTE = 1 << 30
_TIME = "Wall time of each node."
_SHOWN = (
    "Wall time of each node, and peak memory of the process while the node ran. All nodes run in one process,"
    " which keeps memory from earlier nodes, so the peak is not the memory that a node needs by itself."
)


def draw_nodes(nodes: Sequence[Mapping[str, Any]], problem: str = "") -> Plot:
    """Draw the wall time of each node and the peak memory of the process.

    Parameters
    ----------
    nodes : sequence of mapping
        ``node``, ``state``, ``seconds``, ``memory`` [bytes] or None.
    problem : str
        Why there are none, as the end of a sentence; empty if the file exists and lists no nodes.

    Returns
    -------
    Plot
    """
    if not nodes:
        return Plot(
            "nodes", f"Time and memory of the nodes are not known: {problem or 'nodes.json lists none.'}"
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
    note = f" {cached} of {count_of(len(nodes), 'node')} had a cache hit and did not run." if cached else ""
    if not total:
        return f"No node took any time.{note}"
    longest = int(np.argmax(seconds))
    text = (
        f"Together the nodes took {format_duration(total)},"
        f" {format_percent(seconds[longest] / total, 0)} of it in {nodes[longest]['node']}."
    )
    if np.isfinite(memory).any():
        most = int(np.nanargmax(memory))
        text += f" Memory was highest in {nodes[most]['node']}: {memory[most]:.1f} GiB."
    return f"{text}{note}"
