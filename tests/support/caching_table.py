"""The table of docs/caching.md: which nodes run again after a change of which file.

``python tests/support/caching_table.py`` brings it up to date.
"""

from collections import defaultdict
from pathlib import Path

from pipeline.fingerprint import NODE_CODE, PROJECT, code_files

DOCUMENT = PROJECT / "docs" / "caching.md"
BEGIN, END = "<!-- table: make docs-table -->\n", "<!-- end of the table -->\n"


def nodes_of_files() -> dict[Path, tuple[str, ...]]:
    """Nodes that depend on each file, in the order of `NODE_CODE`."""
    found: dict[Path, list[str]] = defaultdict(list)
    for node, modules in NODE_CODE.items():
        for path in code_files(modules):
            found[path.relative_to(PROJECT)].append(node)
    return {path: tuple(nodes) for path, nodes in sorted(found.items())}


def table() -> str:
    """Return the table: a row for each folder and each set of nodes."""
    nodes = nodes_of_files()
    rows: dict[tuple[Path, tuple[str, ...]], list[str]] = defaultdict(list)
    for path, dependent in nodes.items():
        rows[path.parent, dependent].append(path.name)
    lines = ["| changed | runs again |", "| --- | --- |"]
    for (folder, dependent), names in rows.items():
        whole = {entry.name for entry in (PROJECT / folder).iterdir() if entry.is_file()} == set(names)
        files = ["all"] if whole and len(names) > 1 else names
        every = "all nodes below" if len(dependent) == len(NODE_CODE) else ", ".join(dependent)
        lines.append(f"| `{folder.as_posix()}/`: {', '.join(files)} | {every} |")
    return "\n".join(lines) + "\n"


def document() -> str:
    """Return docs/caching.md with the table as it should be."""
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    return before + BEGIN + table() + END + rest.partition(END)[2]


if __name__ == "__main__":
    DOCUMENT.write_text(document())
