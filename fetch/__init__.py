"""Real data from the network: Galaxy Zoo tables and FITS stamps, in the layout that `galmorph run` reads."""
