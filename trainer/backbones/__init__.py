"""The networks under the classifier head."""
