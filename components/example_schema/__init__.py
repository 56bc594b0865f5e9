"""The written schema as an artifact."""
