"""The table of tasks, and one module per format."""
