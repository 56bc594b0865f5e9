"""Publishes a blessed model in one step."""
