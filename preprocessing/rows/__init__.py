"""Decide for every row of a label table: its split, or the reason why it is rejected."""
