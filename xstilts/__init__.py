"""Intermediate-task training for zero-shot cross-lingual transfer, as a pipeline."""

__version__ = "0.1.0"
