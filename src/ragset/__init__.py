"""Question-answer sets that can be trusted, from your own documents."""

__version__ = "0.1.0"
