"""What a run found: predictions of every galaxy, metrics, figures."""
