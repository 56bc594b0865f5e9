"""The tables that nodes and report exchange: file name, columns and types, defined once."""
