"""Results of a run by topic: the numbers and the sentences about them on page, figure and model card."""
