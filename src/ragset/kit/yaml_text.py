"""The one reader of YAML: plain data only, no key twice in a mapping, no text that aliases blow up."""

from __future__ import annotations

from typing import Any

import yaml

from ragset.errors import UsageError

MOST_REPEATED = 10_000
"""Nodes that the aliases of a text may repeat in all; nested aliases would stand for billions."""

_BY_TEXT = ("tag:yaml.org,2002:merge", "tag:yaml.org,2002:value")
"""Tags of the keys ``<<`` and ``=``, which have no value of their own."""


class _Refused(yaml.MarkedYAMLError):
    """YAML that other readers take: ``problem`` says what is wrong with it, ``note`` what to do."""


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, which takes the last of two equal keys, and any number of nested aliases."""

    def __init__(self, text: str) -> None:
        """Begin with nothing repeated."""
        super().__init__(text)
        self._sizes: dict[int, int] = {}
        self._repeated = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose a node; an alias counts all that it stands for."""
        alias = self.peek_event() if self.check_event(yaml.AliasEvent) else None
        node = super().compose_node(parent, index)
        if node is None:
            return None
        if alias is None:
            self._sizes[id(node)] = 1 + sum(map(self._size, _parts(node)))
            return node
        if id(node) not in self._sizes:  # still being composed
            raise _Refused(None, None, "an alias stands for what it is part of", alias.start_mark, "write it out")
        self._repeated += self._size(node)
        if self._repeated > MOST_REPEATED:
            what = f"its aliases repeat more than {MOST_REPEATED:,} values"
            raise _Refused(None, None, what, alias.start_mark, "write out what is meant")
        return node

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Compose a mapping whose own keys differ; those that ``<<`` merges into it may be overridden."""
        node = super().compose_mapping_node(anchor)
        seen: dict[Any, yaml.Node] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            value: Any = key.value if key.tag in _BY_TEXT else self.construct_object(key)
            if (first := seen.setdefault(value, key)) is not key:
                what = f"'{key.value}' stands twice in one mapping, first in line {first.start_mark.line + 1}"
                raise _Refused(None, None, what, key.start_mark, "leave one of them out")
        return node

    def _size(self, node: yaml.Node) -> int:
        return self._sizes[id(node)]


def _parts(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def read_yaml(text: str, where: str, hint: str, error: type[UsageError] = UsageError) -> Any:
    """Read YAML as plain data; raises ``error`` in one line that names the text's; ``hint`` is for what is no YAML."""
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except _Refused as wrong:
        line = wrong.problem_mark.line + 1 if wrong.problem_mark else 0
        raise error(str(wrong.problem), where=f"{where}, line {line}", hint=wrong.note) from wrong
    except (yaml.YAMLError, RecursionError, ValueError, KeyError, AttributeError, TypeError) as wrong:  # a wrong !!tag
        mark = getattr(wrong, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark else ""
        raise error(f"is not YAML{line}", where=where, hint=hint) from wrong
