"""The champion of a model: who may take its place, and who had it."""
