"""The template families, best first; each is a function of a scene that yields candidates."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ragset.kit.extractive.families import (
    abbreviation,
    attribute,
    condition,
    definition,
    fact,
    listing,
    manner,
    object,
    option,
    procedure,
    purpose,
    quantity,
    reason,
    section,
    table,
)
from ragset.kit.extractive.scene import Candidate, Scene

FAMILIES: tuple[Callable[[Scene], Iterator[Candidate]], ...] = (
    definition.find,
    procedure.find,
    option.find,
    purpose.find,
    reason.find,
    listing.find,
    quantity.find,
    condition.find,
    attribute.find,
    table.find,
    manner.find,
    fact.find,
    object.find,
    section.find,
    abbreviation.find,
)
