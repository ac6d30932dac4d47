"""Providers of language models, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ragset.cli.terminal import one_line, out, plural, table

if TYPE_CHECKING:
    from ragset.api.models import ModelStatus


def show_models(found: Sequence[ModelStatus], named: Mapping[str, str]) -> None:
    """Print one line a provider, then what the servers offer, and what ``--model env`` means."""
    rows = [(s.provider, _state(s), s.key or "-", s.key_from or "-", s.base_url or "-", s.base_from) for s in found]
    table([("provider", "state", "key", "from", "base URL", "from"), *rows], indent="")
    for status in found:
        if status.first:
            _show_offer(status)
    for status in found:
        if status.problem and (status.key_from or status.base_from):
            out(f"{status.provider}: {one_line(status.problem)}")
    out()
    if "model" in named:
        out(one_line(f"--model env means {named['model']} at {named['base_url'] or 'this machine'}"))
    out("use one with --model provider:name; --model builtin needs none")


def _state(status: ModelStatus) -> str:
    if not status.configured:
        return "not set up"
    if status.provider == "transformers":
        return "installed"
    silent = "no answer" if status.base_from or status.key_from else "not running"
    return {None: "set up", True: "reachable", False: silent}[status.reachable]


def _show_offer(status: ModelStatus) -> None:
    contexts = status.contexts or {}
    names = (f"{name} ({contexts[name]:,} tokens)" if name in contexts else name for name in status.first)
    more = ", …" if (status.models or 0) > len(status.first) else ""
    out(f"{status.provider}: {plural(status.models or 0, 'model')}: {one_line(', '.join(names))}{more}")
