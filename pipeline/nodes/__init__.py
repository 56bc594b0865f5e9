"""The nodes of the pipeline, in three groups, and how they are connected."""
