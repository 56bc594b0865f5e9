"""What becomes of every row of a label table: kept in a split, or rejected for a reason."""
