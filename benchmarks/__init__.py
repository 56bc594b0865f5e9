"""Benchmarks of time and memory. Results are ratios to a reference that is measured in the same run."""
