"""Every error a user can meet, each said in one line: what, where, what to do next.

::

    RagsetError                 exit 1  a run failed
    ├── UsageError              exit 2  an option, argument or setting is wrong
    │   ├── FlowError           exit 2  a flow is refused before anything is read or called
    │   ├── RunFolderError      exit 2  the output folder belongs to another flow
    │   ├── IndexMissingError   exit 2  no index of that name
    │   ├── EmbedderMismatchError exit 2  the index was embedded with another model
    │   ├── CorpusMismatchError exit 2  the corpus name belongs to another root folder
    │   ├── MissingExtraError   exit 2  a package is not installed
    │   └── ModelSetupError     exit 2  unknown provider or model, missing or wrong key
    ├── DocumentError           one file could not be read (never stops the others)
    ├── IndexLockedError        exit 1  another process is writing to the index
    ├── IndexDamagedError       exit 1  the index's own truth cannot be read
    ├── UnreachableError        exit 1  the model's server is not there (any more)
    ├── BudgetError             ends a run cleanly: what is paid for is delivered
    └── ModelError              a language model could not be asked
        ├── ReplyError          its reply could not be read as what was asked for
        ├── ContextError        the prompt does not fit the model's context
        └── TooLargeError       more tokens than a limit of ours allows, so it was not sent

Exit code 3 is no error: the work is done, but fewer pairs were kept than were asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar


class RagsetError(Exception):
    """Base of all errors; ``str()`` is one line: ``where: what; hint``."""

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, where: str | None = None, hint: str | None = None) -> None:
        """Say what happened, where (file, step, row), and what to do next."""
        self.what, self.where, self.hint = what, where, hint
        line = f"{where}: {what}" if where else what
        super().__init__(" ".join((f"{line}; {hint}" if hint else line).split()))


class UsageError(RagsetError):
    """An option, argument or setting is wrong."""

    exit_code = 2


class FlowError(UsageError):
    """A flow is refused before a file is read or a model is called."""


class RunFolderError(UsageError):
    """The output folder holds the run of another flow."""


class IndexMissingError(UsageError):
    """There is no index of that name."""


class EmbedderMismatchError(UsageError):
    """The index was embedded with another model."""


class CorpusMismatchError(UsageError):
    """The corpus name already belongs to another root folder."""


class MissingExtraError(UsageError):
    """A package is not installed."""

    def __init__(self, part: str, package: str) -> None:
        """Name what is missing and the package that brings it."""
        super().__init__(f"{part} is not installed", hint=f"run: pip install {package}")


class DocumentError(RagsetError):
    """One file could not be read; the others go on."""


class IndexLockedError(RagsetError):
    """Another process is writing to the index."""


class IndexDamagedError(RagsetError):
    """The index's own truth cannot be read, so that it cannot be rebuilt either."""


class ModelSetupError(UsageError):
    """A model cannot be used as configured: unknown provider or model, missing or wrong key."""


class UnreachableError(RagsetError):
    """The model's server is not there; no draw is to blame, so the run ends and what is finished is kept."""


class BudgetError(RagsetError):
    """The next call might exceed the budget; the run ends here and delivers what is paid for."""


class ModelError(RagsetError):
    """A language model could not be asked; ``billed`` says that the request was out and may cost money all the same."""

    billed: bool = False


class ContextError(ModelError):
    """A prompt does not fit the model's context."""


class TooLargeError(ModelError):
    """A question takes more tokens than a limit of ours allows, which may be raised; it was not sent."""


class PromptTooLargeError(ContextError, TooLargeError):
    """A prompt does not fit what is known of the model's context; it was not sent."""


class ReplyError(ModelError):
    """A reply could not be read as what was asked for; ``head`` is how the reply began."""

    def __init__(
        self, what: str, *, where: str | None = None, hint: str | None = None, head: str | None = None
    ) -> None:
        """Say what was wrong with the reply, and keep its head for the failure row."""
        super().__init__(what, where=where, hint=hint)
        self.head = head


MOST_NAMED = 8
"""Names that a hint lists at most: it must stay one readable line."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Give ``did you mean 'x'?``, or the first of what is known when nothing is near."""
    names = sorted(known)
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    if near:
        return f"did you mean '{near[0]}'?"
    return f"known: {', '.join(names[:MOST_NAMED])}{', …' if len(names) > MOST_NAMED else ''}"


NOT_THE_DRAWS = (UsageError, IndexLockedError, IndexDamagedError, UnreachableError, BudgetError)
"""Errors of the set-up, which end the run: they say nothing about the draw in whose work they show."""
