"""From a label table and FITS stamps to Examples in splits, every row accounted for."""
