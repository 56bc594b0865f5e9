"""From FITS stamps to the picture a network sees; the one definition that every other part shares."""
