"""What a run says while it goes on: records of what happens, and numbers for Prometheus."""
