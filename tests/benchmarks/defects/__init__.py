"""Planted defects: documents made of known facts, good pairs made of the facts, and twelve ways to spoil a pair."""
