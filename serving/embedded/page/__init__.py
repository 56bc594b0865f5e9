"""The page of the embedded server: drop the FITS files of a galaxy, see its class."""
