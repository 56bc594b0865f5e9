"""Compare settings by cross-validation: the grid, what came of it, and the page that shows it."""
