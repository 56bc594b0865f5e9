"""The files that a run leaves for its report: their shape, and reading them."""
