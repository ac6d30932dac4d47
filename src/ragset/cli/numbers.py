"""Numbers on the command line: whole ones, and finite ones; what is neither is refused in plain words."""

from __future__ import annotations

from math import isfinite
from typing import Any

import click


class Whole(click.IntRange):
    """A whole number, at least ``min`` and at most ``max``."""

    name = "integer"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read it; click's own words name a type in place of what is wrong."""
        try:
            int(value)
        except ValueError:
            self.fail(f"'{value}' is not a whole number.", param, ctx)
        return super().convert(value, param, ctx)

    def _describe_range(self) -> str:
        return "" if self.min is None and self.max is None else super()._describe_range()


class Number(click.FloatRange):
    """A finite number in a range; comparisons alone let ``nan`` through, and ``inf`` and ``1e400`` are no limit."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read it; raises click's ``BadParameter``."""
        try:
            finite = isfinite(float(value))
        except ValueError:
            self.fail(f"'{value}' is not a number.", param, ctx)
        if not finite:
            self.fail(f"'{value}' is not a finite number.", param, ctx)
        return super().convert(value, param, ctx)

    def _describe_range(self) -> str:
        return "" if self.min is None and self.max is None else super()._describe_range()
