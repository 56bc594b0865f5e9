"""Every page: run, comparison, inspection and sweep, and the HTML parts that they share."""
