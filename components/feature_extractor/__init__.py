"""Features of every galaxy from the frozen backbone, computed once for all who train a top."""
