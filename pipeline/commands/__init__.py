"""The verbs of the command line, one module each. This is the topmost layer."""
