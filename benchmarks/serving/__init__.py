"""Speed and steadiness of the embedded server: `make bench-serving`."""
