"""Prompt templates, versioned by file name."""
