"""What a run really paid: requests sent and tokens billed, by role and purpose; and what it did not have to pay."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from ragset.schema.samples import Usage


@dataclass(slots=True)
class Counts:
    """Counters of one role and purpose: ``calls`` are requests sent, ``retries`` those of them that were not the first.

    ``cached`` replies came from the cache, ``shared`` ones from a call that was under way; ``unbilled`` requests ended
    without a usage (refused, broken off, timed out).
    """

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached: int = 0
    shared: int = 0
    retries: int = 0
    unbilled: int = 0

    def sent(self, *, again: bool) -> None:
        """Count a request that goes out."""
        self.calls += 1
        self.retries += again

    def billed(self, usage: Usage) -> None:
        """Count what the server billed for it."""
        self.prompt_tokens += usage.prompt_tokens
        self.completion_tokens += usage.completion_tokens


@dataclass(slots=True)
class Paid:
    """Counters by (role, purpose)."""

    counts: dict[tuple[str, str], Counts] = field(default_factory=dict[tuple[str, str], Counts])

    def of(self, role: str, purpose: str) -> Counts:
        """Give the counters of one role and purpose."""
        return self.counts.setdefault((role, purpose), Counts())

    @property
    def total(self) -> Counts:
        """Give the sum over all."""
        whole = Counts()
        for counts in self.counts.values():
            for name, value in asdict(counts).items():
                setattr(whole, name, getattr(whole, name) + value)
        return whole

    def as_dict(self) -> list[dict[str, Any]]:
        """Give rows for the report, in the order of role and purpose."""
        return [{"role": role, "purpose": purpose, **asdict(c)} for (role, purpose), c in sorted(self.counts.items())]
