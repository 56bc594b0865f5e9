"""A simulated S-PLUS-like survey, for the demo and the tests."""
