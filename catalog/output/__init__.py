"""The files of a finished catalogue: table, rejects, summary, and what is needed to cite it."""
