"""Evaluation of predictions: scores, intervals, calibration, decision interval, groups, gate, suspect labels.

The functions take and return numbers and need neither TFX nor TensorFlow. Only `evaluation.formats` and
``suspect_labels.csv`` read or write files.
"""
