"""``split``: a document to chunks."""

from __future__ import annotations

import asyncio
import json
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field, ValidationError

from ragset.adapters.splitting import SplitOptions, Strategy, split_document, strategy_for
from ragset.adapters.word_splitting import compile_separator
from ragset.errors import DocumentError, FlowError, UsageError
from ragset.schema.documents import Chunk, Document
from ragset.schema.ids import digest
from ragset.schema.samples import Failure, Intake
from ragset.schema.step import Map, Tools, Uses


class Split(Map):
    """Cut documents into chunks that the embedding model holds whole.

    A file whose bytes are known is cut again, from the stored text, when it would be cut otherwise now.
    """

    name = "split"
    takes = Document
    gives = Chunk
    uses: ClassVar[frozenset[Uses]] = frozenset({"embedder"})

    max_tokens: int | None = Field(default=None, ge=8)
    """Longest chunk; never more than the embedding model takes."""
    strategy_file: str | None = None
    """A ``chunk-strategy.json``: ``{"<folder>/<file>": {"max_words": …, "overlap": …, "separator": …}}``."""
    strategies: dict[str, Strategy] = Field(default_factory=dict[str, Strategy])
    """The same, written into the flow; these hold over the file."""

    def check(self) -> None:
        """Refuse a strategy file that cannot be read and separators that are no pattern."""
        try:
            for key, strategy in self._all_strategies.items():
                compile_separator(strategy.separator, where=f"chunk strategy of '{key}'")
                if strategy.overlap >= strategy.max_words:
                    raise UsageError("overlap must be smaller than max_words", where=f"chunk strategy of '{key}'")
        except FlowError:
            raise
        except UsageError as error:
            raise FlowError(error.what, where=error.where, hint=error.hint or "correct the strategy") from error

    def fingerprint(self, tools: Tools) -> str:
        """Hash the strategies themselves, not the name of their file."""
        strategies = {key: value.model_dump() for key, value in self._all_strategies.items()}
        return digest(super().fingerprint(tools), strategies)

    async def apply(self, item: Intake, tools: Tools) -> Intake:
        """Set the chunks; an unchanged document that would be cut otherwise now becomes a changed one."""
        if item.document is None and item.state != "unchanged":
            return item
        return await asyncio.to_thread(self._apply, item, tools)

    def _apply(self, item: Intake, tools: Tools) -> Intake:
        document, state = item.document, item.state
        if document is None:
            if item.file is None or (document := self._stale(item.file.document_id, tools)) is None:
                return item
            state = "changed"
        options = self._options(document, tools)
        try:
            chunks = split_document(document, options, tools.embedder.count_tokens)
        except DocumentError as error:
            failure = Failure(step="split", error="unreadable", message=str(error))
            return item.model_copy(update={"document": None, "failure": failure})
        update = {"document": document, "state": state, "chunks": tuple(chunks), "split": options.fingerprint}
        return item.model_copy(update=update)

    def _stale(self, document_id: str, tools: Tools) -> Document | None:
        """Give the stored document if it was cut in another way than it would be now."""
        index = tools.extras.get("index")
        known = index.known(document_id) if index else None
        if index is None or known is None:
            return None
        if not self._all_strategies and known.split == self._options(None, tools).fingerprint:
            return None
        stored = index.stored(document_id)
        return None if known.split == self._options(stored.document, tools).fingerprint else stored.document

    def _options(self, document: Document | None, tools: Tools) -> SplitOptions:
        limit = tools.embedder.max_tokens
        strategy = strategy_for(document, self._all_strategies) if document else None
        return SplitOptions(min(self.max_tokens or limit, limit), strategy)

    @cached_property
    def _all_strategies(self) -> dict[str, Strategy]:
        return _read_strategies(Path(self.strategy_file)) | self.strategies if self.strategy_file else self.strategies


def _read_strategies(path: Path) -> dict[str, Strategy]:
    try:
        values: Any = json.loads(path.read_text("utf-8"))
        if not isinstance(values, dict):
            raise FlowError("is no JSON object", where=str(path), hint='write {"<folder>/<file>": {…}}')
        return {str(key): Strategy.model_validate(value) for key, value in values.items()}
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise FlowError(f"{field}: {first['msg']}", where=str(path), hint="max_words, overlap, separator") from error
    except (OSError, ValueError) as error:
        raise FlowError(f"cannot be read ({error})", where=str(path), hint="correct the strategy file") from error
