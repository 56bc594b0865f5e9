"""A small server with the interface of TF Serving, for machines that have neither TF Serving nor Docker."""

MODEL_NAME = "galmorph"
"""Name of the model in URLs and in gRPC requests."""
