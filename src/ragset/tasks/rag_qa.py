"""Write question-answer pairs grounded in a scenario's chunks."""

from __future__ import annotations

from typing import ClassVar, Literal, cast

from ragset.errors import ModelError, UsageError
from ragset.kit.extractive.writer import ExtractiveWriter
from ragset.kit.judging import one_line
from ragset.kit.model_writer import JUDGE, VARIABLES, ModelWriter
from ragset.kit.prompting import Prompt, check
from ragset.schema.documents import Noun
from ragset.schema.ids import digest
from ragset.schema.ports import Writer
from ragset.schema.samples import Draw, Failure, Sample, Scenario
from ragset.schema.step import Map, Tools, Uses


class RagQA(Map):
    """One scenario in, a pair for each that it wants out; by a model, or by the built-in extractive writer.

    ``writer: auto`` takes the model when one is configured. ``prompt`` matters to a model only.
    """

    name: ClassVar[str] = JUDGE
    version: ClassVar[str] = "2"
    takes: ClassVar[type[Noun] | None] = Scenario
    gives: ClassVar[type[Noun] | None] = Sample
    uses: ClassVar[frozenset[Uses]] = frozenset({"store", "writer"})

    writer: Literal["auto", "extractive", "model"] = "auto"
    prompt: str = "write_qa.v2"

    def check(self) -> None:
        """Refuse a prompt that cannot be read or wants a variable that nothing makes."""
        check(Prompt.load(self.prompt), VARIABLES)

    def prompts(self) -> tuple[str, ...]:
        """Name the prompt of the writer."""
        return (self.prompt,)

    def fingerprint(self, tools: Tools) -> str:
        """Hash of the step and of the writer, the prompt's text included."""
        return digest(super().fingerprint(tools), self._writer(tools).fingerprint)

    async def apply(self, item: Draw, tools: Tools) -> Draw:
        """Write; a model that cannot be asked or read, or a prompt too long for it, fails the draw, not the run."""
        if item.scenario is None or item.failure is not None:
            return item
        try:
            samples = await self._writer(tools).write(item.scenario, tools.store)
        except ModelError as error:
            kind, head = type(error).__name__, getattr(error, "head", None)
            failure = Failure(step=self.name, error=kind, message=one_line(str(error)), head=head)
            return item.model_copy(update={"failure": failure})
        return item.with_samples(tuple(samples))

    def _writer(self, tools: Tools) -> Writer:
        """Give the writer of this run; made once, since the extractive one remembers what it has parsed."""
        key = f"ragset.writer.{self.writer}.{self.prompt}"
        made = cast("Writer | None", tools.extras.get(key))
        return made or cast("Writer", tools.extras.setdefault(key, self._make(tools)))

    def builtin(self, tools: Tools) -> bool:
        """Tell whether rules write in this run, and no model."""
        return self.writer == "extractive" or (self.writer == "auto" and tools.models.get("writer") is None)

    def _make(self, tools: Tools) -> Writer:
        if self.builtin(tools):
            return ExtractiveWriter()
        model = tools.models.get("writer")
        if model is None:
            raise UsageError("this flow wants a model to write", where=self.name, hint="name one with --model")
        return ModelWriter(model, Prompt.load(self.prompt))
