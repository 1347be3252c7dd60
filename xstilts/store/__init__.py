"""The store: the S3 place that laptop and cluster share."""
