"""Ingests a label table and FITS stamps into Examples in splits, with an account of every row."""
