"""The networks under the classifier's head."""
