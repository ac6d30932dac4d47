"""Decoding that can only give JSON of a schema, by llguidance: what cannot follow is masked at every token.

Optional: without the package, or for a schema that it does not know, decoding is free and the reply is parsed.
"""

from __future__ import annotations

import importlib.util
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

PACKAGE = "llguidance"

_OPTIONS = {"whitespace_flexible": False, "lenient": True}
"""No free white space (a weak model would fill its reply with it); keywords that are not known are passed over."""


def available() -> bool:
    """Tell whether the package is installed."""
    return importlib.util.find_spec(PACKAGE) is not None


class Guides:
    """Makes guides for one tokenizer; reading its vocabulary takes about a second, and is done once."""

    def __init__(self, tokenizer: Any, vocabulary: int, ends: Sequence[int]) -> None:
        """Take a fast tokenizer, the width of the model's output, and the tokens that end a reply."""
        from llguidance.hf import from_tokenizer

        width = max(vocabulary, len(tokenizer))
        self._tokenizer = from_tokenizer(tokenizer, n_vocab=width, eos_token=list(ends) or None)

    def guide(self, schema: dict[str, Any]) -> Guide | None:
        """Give a guide to one reply, or none where the schema cannot be decoded by."""
        from llguidance import LLMatcher

        try:
            grammar = LLMatcher.grammar_from_json_schema(json.dumps(schema), overrides=_OPTIONS)  # pyright: ignore
        except ValueError:
            return None
        matcher = LLMatcher(self._tokenizer, grammar, log_level=0)
        return None if matcher.is_error() else Guide(matcher)


class Guide:
    """The state of one reply: which tokens may come next."""

    def __init__(self, matcher: Any) -> None:
        """Take a matcher at its start."""
        self._matcher = matcher
        self._taken = 0

    @property
    def done(self) -> bool:
        """True when nothing more may follow, or what followed cannot be judged any more."""
        return bool(self._matcher.is_stopped())

    def take(self, tokens: Sequence[int]) -> None:
        """Follow the reply; ``tokens`` is all of it so far."""
        for token in tokens[self._taken :]:
            if not self.done:
                self._matcher.consume_token(token)
        self._taken = len(tokens)

    def allowed(self, tokens: Sequence[int]) -> bytes:
        """Give one byte for each token of the vocabulary, 0 where it may not come after ``tokens`` (the reply so far).

        Empty when nothing more may follow.
        """
        self.take(tokens)
        return b"" if self.done else bytes(self._matcher.compute_logit_bias())
