"""The quality gate, and TensorFlow Model Analysis of the same predictions."""
