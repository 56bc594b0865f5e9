"""Configurations that come with galmorph."""
