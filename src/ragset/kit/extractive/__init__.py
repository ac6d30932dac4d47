"""The built-in extractive writer: questions by rule, answers word for word."""

from ragset.kit.extractive.scene import Candidate
from ragset.kit.extractive.writer import ExtractiveWriter, candidates

__all__ = ["Candidate", "ExtractiveWriter", "candidates"]
