"""The top of the classifier, trained on the frozen backbone's features."""
