"""Scores as files: tables, model card, submission bundle, exported model."""
