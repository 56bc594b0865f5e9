"""A small server with the interface of TF Serving, for machines that have neither TF Serving nor Docker."""
