"""Serve published models: configuration of TF Serving, client, embedded server. Imports no TFX."""
