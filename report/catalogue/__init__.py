"""The page of a classified survey."""
