"""Files of weights: ImageNet's and one's own, checked before the run and loaded layer by layer."""
