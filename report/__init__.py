"""The report of a run: evidence files in, numbers, figures and one HTML page out."""
