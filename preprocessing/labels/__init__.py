"""From a table to labelled objects."""
