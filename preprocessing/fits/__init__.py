"""FITS files: bytes, headers, images."""
