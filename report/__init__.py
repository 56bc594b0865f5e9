"""The pages of run, comparison, inspection and sweep, the model card, and their common parts."""
