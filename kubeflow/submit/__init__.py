"""Submit a compiled pipeline to Kubeflow Pipelines, follow the run, and schedule recurring runs."""
