"""A look before the run: what the table and the stamps hold, as numbers and as a page. No TFX."""
