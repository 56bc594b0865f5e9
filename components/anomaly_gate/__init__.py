"""Stops a run whose data contradict the schema."""
