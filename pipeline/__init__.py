"""Configuration, the pipeline, the local runner and the command line."""
