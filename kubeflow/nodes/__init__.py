"""Nodes that the pipeline has on Kubeflow Pipelines only."""
