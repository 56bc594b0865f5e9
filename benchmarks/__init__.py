"""Measurements of time and memory, as ratios against a named peer in the same run."""
