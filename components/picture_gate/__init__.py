"""Stops a run whose pictures show nothing."""
