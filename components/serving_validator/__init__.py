"""Tries a candidate as a server loads it, before it is published."""
