"""The network, its training, and the signatures of the model it leaves."""
