"""Read label tables: classes, names and positions of objects."""
