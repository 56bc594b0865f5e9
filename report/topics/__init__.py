"""What a run has found, topic by topic: the numbers, and what is said of them on page, figure and card."""
