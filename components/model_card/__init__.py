"""The model card: what the model is for, how good it is and where it fails."""
