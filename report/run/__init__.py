"""The report of a run: from its evidence to ``index.html``, figures and ``metrics.json``."""
