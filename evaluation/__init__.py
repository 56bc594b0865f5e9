"""What predictions are worth: scores, intervals, calibration, decision, groups, comparison, suspect labels.

Numbers in, numbers out: nothing here knows of TFX, TensorFlow or files, but for the two small tables
``out_of_fold.csv`` and ``suspect_labels.csv``.
"""
