"""Files of weights, from ImageNet or elsewhere: checked before the run, and loaded layer by layer."""
