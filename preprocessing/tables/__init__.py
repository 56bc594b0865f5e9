"""Read columns of tables in several formats."""
