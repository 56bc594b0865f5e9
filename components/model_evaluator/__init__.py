"""TFX's Evaluator for a model that may answer with anything but numbers."""
