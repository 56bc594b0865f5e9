"""`galmorph predict`: classify stamps with a published model, in this process or through a server."""
