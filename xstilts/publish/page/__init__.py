"""The report as one HTML page, and the index over all studies."""
