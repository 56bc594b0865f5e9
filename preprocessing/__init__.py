"""Everything between FITS stamps and the network's input pictures; shared by all other packages."""
