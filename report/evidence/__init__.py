"""The files that a run writes for its report: schemas and reading."""
