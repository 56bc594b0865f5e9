"""A sweep: which settings it varies, and how it runs them."""
