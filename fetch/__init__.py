"""Download Galaxy Zoo tables, FITS stamps and weights, in the layout that `galmorph run` reads."""
