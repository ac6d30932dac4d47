"""A Python object with the face of the model port, as a transport: it too has a pace, a budget and an account."""

from __future__ import annotations

from ragset.schema.ports import Ask, LanguageModel, Reply


class ObjectTransport:
    """A ``Transport`` over any object with ``name``, ``fingerprint`` and ``complete(ask)``."""

    context: int | None = None

    def __init__(self, model: LanguageModel) -> None:
        """Wrap the object."""
        self._model = model

    @property
    def name(self) -> str:
        """The object's own name."""
        return self._model.name

    @property
    def identity(self) -> tuple[str, ...]:
        """``python``, and the object's fingerprint."""
        return ("python", "", self._model.name, self._model.fingerprint)

    async def check(self) -> None:
        """Know nothing beforehand."""

    async def send(self, ask: Ask) -> Reply:
        """Ask the object; its errors are its own."""
        reply = await self._model.complete(ask)
        return reply.model_copy(update={"value": reply.raw})

    async def aclose(self) -> None:
        """Leave the object as it is: it belongs to whoever made it."""
