"""What the model that would be published says of every galaxy of the run."""
