"""Formats of the tables that nodes and report exchange: file names, columns and types."""
