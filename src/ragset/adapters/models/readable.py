"""Whether a model's replies can be read at all: one whose replies never can ends the run, with the head of the last.

Who reads a reply says how it went; the model's wrapper gives what it is said to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from ragset.errors import ModelSetupError, ReplyError

UNREAD = 10
"""Questions without a readable reply, all re-asks counted as one, after which a model that never gave any is left."""

SHOWN = 80
"""Characters of a reply that are shown."""


@dataclass
class Readable:
    """Counts the questions of one model that were left without a readable reply, until the first one that was not.

    ``keys`` are those under which its replies stand in the cache, until then: a model that is left is asked anew.
    """

    proven: bool = False
    unread: int = 0
    keys: set[str] = field(default_factory=set[str])

    def heard(self, key: str) -> None:
        """Say under which key a reply stands."""
        if not self.proven:
            self.keys.add(key)

    def read(self) -> None:
        """Say that a reply could be read."""
        self.proven = True
        self.keys.clear()

    def left(self, error: ReplyError, name: str) -> None:
        """Say that a question was left unread; raises ``ModelSetupError`` when that was one too many."""
        self.unread += not self.proven
        if self.unread < UNREAD or self.proven:
            return
        head = " ".join((error.head or "").split())
        began = f" (it began '{head[:SHOWN]}{'…' if len(head) > SHOWN else ''}')" if head else ""
        what = f"none of {UNREAD} questions got a reply that can be read: {error.what}{began}"
        weak = "the model may be too weak: take another one, or set another reply_mode (models in the flow)"
        hint = getattr(error.__cause__, "hint", None) or weak
        raise ModelSetupError(what, where=name, hint=hint)


class Hearing(Protocol):
    """One question, to be told how its replies were read: one of the two, once."""

    def read(self) -> None:
        """Say that a reply could be read."""
        ...

    def left(self, error: ReplyError) -> None:
        """Say that none could; raises ``ModelSetupError`` when none ever can."""
        ...


@runtime_checkable
class Heard(Protocol):
    """A model that wants to know."""

    def hearing(self) -> Hearing:
        """Begin a question."""
        ...


class _Deaf:
    """Takes no notice."""

    def read(self) -> None:
        """Do nothing."""

    def left(self, error: ReplyError) -> None:
        """Do nothing."""


def hearing_of(model: object) -> Hearing:
    """Give who is told how the replies to one question were read."""
    return model.hearing() if isinstance(model, Heard) else _Deaf()
