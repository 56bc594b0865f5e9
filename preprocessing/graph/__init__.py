"""FITS files read inside a TensorFlow graph, by the rules of the ingest, for the served model."""
