"""The figures of the report, each with what to conclude from it."""
