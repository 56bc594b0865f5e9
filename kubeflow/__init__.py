"""The pipeline on Kubeflow Pipelines: compile, submit, and the entry point of its containers."""
