"""Sweeps: the settings to vary, and the runs over them."""
