"""The network, its training, and the export of the model with its signatures."""
