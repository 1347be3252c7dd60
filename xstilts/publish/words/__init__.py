"""What the numbers say, in sentences and tables."""
