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
        if status.first or (status.reachable and not status.problem):
            _show_offer(status)
    for status in found:
        if status.problem and (status.reachable or status.key_from or status.base_from):
            out(f"{status.provider}: {one_line(status.problem)}")
    out()
    if "model" in named:
        out(one_line(f"--model env means {named['model']} at {named['base_url'] or 'this machine'}"))
    elif "variable" in named:
        out(one_line(f"--model env cannot be used: {named['problem']}"))
    out("use one with --model provider:name; --model builtin needs none")


def _state(status: ModelStatus) -> str:
    given = status.base_from or status.key_from
    if not status.configured:
        return "set up wrongly" if given else "not set up"
    if status.provider == "transformers":
        return "installed"
    if status.reachable and status.problem:
        return "error"
    return {None: "set up", True: "reachable", False: "no answer" if given else "not running"}[status.reachable]


def _show_offer(status: ModelStatus) -> None:
    if status.models is None:
        out(f"{status.provider}: it answers, and does not list its models")
        return
    contexts = status.contexts or {}
    names = (f"{name} ({contexts[name]:,} tokens)" if name in contexts else name for name in status.first)
    more = ", …" if status.models > len(status.first) else ""
    listed = f": {one_line(', '.join(names))}{more}" if status.first else ""
    out(f"{status.provider}: {plural(status.models, 'model')}{listed}")
