"""Load, check and render prompt files.

A prompt is one Jinja file with a section per message; a line ``[system]`` or ``[user]`` opens a section. Sections are
split before anything is rendered, so no document can open one. Templates run in an immutable sandbox, see only the
variables they are given, and fail on an undefined one. Text that comes from documents goes through the ``data`` filter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, Self, cast

from jinja2 import StrictUndefined, Template, TemplateError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ragset.errors import FlowError, did_you_mean
from ragset.schema.ids import digest
from ragset.schema.samples import Message

Speaker = Literal["system", "user", "assistant"]

MAX_PROMPT_FILE = 200_000
"""Characters a prompt file may have."""

_SECTION = re.compile(r"^\[(system|user|assistant)\][ \t]*$", re.MULTILINE)


def fence(text: str) -> str:
    """Enclose text that is data between two lines which the text itself cannot forge: they carry its hash."""
    mark = digest("data", text)[:10]
    return f"<data {mark}>\n{text}\n</data {mark}>"


@lru_cache(maxsize=1)
def _environment() -> ImmutableSandboxedEnvironment:
    """Make the sandbox: no loader, so no template can read a file; plain text, so nothing is escaped."""
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, autoescape=False, keep_trailing_newline=False, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["data"] = fence
    return environment


@lru_cache(maxsize=256)
def _template(source: str) -> Template:
    return _environment().from_string(source)


@dataclass(frozen=True)
class Prompt:
    """A prompt file's text; equal texts have equal hashes, wherever they lie."""

    name: str
    text: str

    @classmethod
    def load(cls, name_or_path: str) -> Self:
        """Load a shipped prompt by name (``write_qa.v1``), or any file by a path that ends in ``.jinja``.

        Raises ``FlowError`` when there is no such prompt, or when it cannot be parsed.
        """
        prompt = cls(*_read(name_or_path))
        prompt._validate()
        return prompt

    @property
    def hash(self) -> str:
        """Hash of the text; part of a sample's provenance."""
        return digest("prompt", self.text)

    @cached_property
    def sections(self) -> tuple[tuple[Speaker, str], ...]:
        """Who speaks, and the template of what is said, in order."""
        pieces = _SECTION.split(self.text)
        speakers = cast("list[Speaker]", pieces[1::2])
        return tuple(zip(speakers, (body.strip() for body in pieces[2::2]), strict=True))

    @cached_property
    def variables(self) -> frozenset[str]:
        """Names the templates want to be given."""
        wanted: set[str] = set()
        for _, body in self.sections:
            wanted |= meta.find_undeclared_variables(_environment().parse(body))
        return frozenset(wanted)

    def render(self, **variables: Any) -> tuple[Message, ...]:
        """Fill in the variables; raises ``FlowError`` when one is missing or the template breaks."""
        try:
            return tuple(
                Message(role=role, content=_template(body).render(**variables).strip()) for role, body in self.sections
            )
        except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
            raise FlowError(f"the prompt cannot be rendered ({error})", where=self.name, hint="correct it") from error

    def _validate(self) -> None:
        before = _SECTION.split(self.text)[0].strip()
        if not self.sections or before:
            raise FlowError(
                "a prompt begins with a section line",
                where=self.name,
                hint="write [system] or [user] on the first line",
            )
        try:
            _ = self.variables
        except TemplateError as error:
            raise FlowError(f"the prompt is no valid template ({error})", where=self.name, hint="correct it") from error


def check(prompt: Prompt, allowed_variables: Iterable[str]) -> None:
    """Raise ``FlowError`` naming a variable that the prompt wants and nothing makes."""
    allowed = set(allowed_variables)
    for unknown in sorted(prompt.variables - allowed):
        hint = did_you_mean(unknown, allowed)
        raise FlowError(
            f"prompt variable '{unknown}' is made by nothing before this step", where=prompt.name, hint=hint
        )


def shipped() -> list[str]:
    """Names of the prompts that come with the package."""
    return sorted(f.name.removesuffix(".jinja") for f in files("ragset.prompts").iterdir() if f.name.endswith(".jinja"))


def _read(name_or_path: str) -> tuple[str, str]:
    """Give (name, text) of a shipped prompt or of a file."""
    if name_or_path.endswith(".jinja"):
        path = Path(name_or_path)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            hint = "give the path of a UTF-8 file, or the name of a shipped prompt"
            raise FlowError(f"the prompt file cannot be read ({error})", where=name_or_path, hint=hint) from error
        name = path.name.removesuffix(".jinja")
    else:
        if name_or_path not in shipped():
            raise FlowError(f"no prompt '{name_or_path}'", hint=did_you_mean(name_or_path, shipped()))
        name, text = name_or_path, (files("ragset.prompts") / f"{name_or_path}.jinja").read_text(encoding="utf-8")
    if len(text) > MAX_PROMPT_FILE:
        raise FlowError(f"the prompt file has {len(text)} characters", where=name_or_path, hint="shorten it")
    return name, text
