"""Load, check and render prompt files.

A prompt is one Jinja file with a section per message; a line ``[system]`` or ``[user]`` opens a section. Sections are
split before anything is rendered, so no document can open one. Templates run in an immutable sandbox, see only plain
data (no object has a method that could do harm), and fail on an undefined variable. Text that comes from documents goes
through the ``data`` filter; ``mark`` names the mark of that block, and ``line`` makes one short line of a title.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from pathlib import Path
from types import BuiltinMethodType, MethodType
from typing import Any, Literal, Self, cast

from jinja2 import StrictUndefined, Template, TemplateError, meta
from jinja2.runtime import LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import BaseModel

from ragset.errors import FlowError, did_you_mean
from ragset.schema.ids import digest
from ragset.schema.samples import Message

Speaker = Literal["system", "user", "assistant"]

MAX_PROMPT_FILE = 200_000
"""Characters a prompt file may have."""
MAX_LINE = 200
"""Characters that a title or heading may have in a prompt."""
MAX_DEPTH = 50
"""How deep the variables of a prompt may be nested."""

_SECTION = re.compile(r"^\[(system|user|assistant)\][ \t]*$", re.MULTILINE)


_OPEN = (str, list, tuple, dict, LoopContext)
"""The types whose attributes and methods a template may use."""
_BREAKS = (
    TemplateError,
    TypeError,
    ValueError,
    ArithmeticError,
    LookupError,
    AttributeError,
    MemoryError,
    RecursionError,
)
"""What a template that is wrong, or wants too much, may raise."""


def mark_of(text: str) -> str:
    """Give the mark of a block of data: 128 bits of its hash, so no text can hold its own."""
    return hashlib.sha256(str(text).strip("\n").encode("utf-8", "surrogatepass")).hexdigest()[:32]


def fence(text: str) -> str:
    """Enclose text that is data between two lines which the text itself cannot forge: they carry its hash."""
    mark = mark_of(text)
    return f"<data {mark}>\n{str(text).strip(chr(10))}\n</data {mark}>"


def one_line(text: str) -> str:
    """Make one line of a title or heading, cut to ``MAX_LINE`` characters."""
    return " ".join(str(text).split())[:MAX_LINE]


def plain(value: Any, depth: int = 0) -> Any:
    """Turn a value into plain data; raises ``TypeError`` for an object that is none, or that is nested too deeply."""
    if value is None or isinstance(value, bool):
        return value
    if depth > MAX_DEPTH:
        raise TypeError(f"a prompt's variables may be nested {MAX_DEPTH} deep")
    if isinstance(value, BaseModel):
        return plain(value.model_dump(mode="json"), depth + 1)
    # A subclass is taken by its base's own conversion: what it adds must not reach a template.
    for kind, convert in ((str, str.__str__), (int, int.__int__), (float, float.__float__)):
        if isinstance(value, kind):
            return convert(cast("Any", value))
    if isinstance(value, dict):
        items = cast("dict[Any, Any]", value).items()
        return {plain(key, depth + 1): plain(item, depth + 1) for key, item in items}
    if isinstance(value, (list, tuple)):
        pieces = [plain(item, depth + 1) for item in cast("list[Any]", value)]
        return tuple(pieces) if isinstance(value, tuple) else pieces
    raise TypeError(f"a prompt's variables are plain data, and a {type(value).__name__} is none")


class PlainSandbox(ImmutableSandboxedEnvironment):
    """A sandbox that knows plain data alone: the attributes of any other object are out of reach."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Allow what the base allows, of text, lists, dictionaries and the loop only."""
        return isinstance(obj, _OPEN) and super().is_safe_attribute(obj, attr, value)

    def is_safe_callable(self, obj: Any) -> bool:
        """Allow a method of plain data, a macro of the template, and ``range``."""
        if isinstance(obj, (BuiltinMethodType, MethodType)):
            return isinstance(obj.__self__, _OPEN)
        return isinstance(obj, (Macro, LoopContext)) or obj is self.globals["range"]


@lru_cache(maxsize=1)
def _environment() -> PlainSandbox:
    """Make the sandbox: no loader, so no template can read a file; plain text, so nothing is escaped."""
    environment = PlainSandbox(
        undefined=StrictUndefined, autoescape=False, keep_trailing_newline=False, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(data=fence, mark=mark_of, line=one_line)
    return environment


@lru_cache(maxsize=256)
def _template(source: str) -> Template:
    return _environment().from_string(source)


@lru_cache(maxsize=256)
def _undeclared(source: str) -> frozenset[str]:
    return frozenset(meta.find_undeclared_variables(_environment().parse(source)))


@dataclass(frozen=True)
class Prompt:
    """A prompt file's text; equal texts have equal hashes, wherever they lie."""

    name: str
    text: str

    @classmethod
    def load(cls, name_or_path: str) -> Self:
        """Load a shipped prompt by name (``write_qa.v2``), or any file by a path that ends in ``.jinja``.

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
            wanted |= _undeclared(body)
        return frozenset(wanted)

    def render(self, **variables: Any) -> tuple[Message, ...]:
        """Fill in the variables, as plain data.

        Raises ``FlowError`` when one is missing or the template breaks, ``TypeError`` when one is no plain data.
        """
        given = plain(variables)
        try:
            return tuple(
                Message(role=role, content=_template(body).render(given).strip()) for role, body in self.sections
            )
        except _BREAKS as error:
            reason = one_line(str(error)) or type(error).__name__
            raise FlowError(f"the prompt cannot be rendered ({reason})", where=self.name, hint="correct it") from error

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
        except _BREAKS as error:  # constants are folded here already, so not only a syntax error can be raised
            reason = one_line(str(error)) or type(error).__name__
            raise FlowError(
                f"the prompt is no valid template ({reason})", where=self.name, hint="correct it"
            ) from error


def check(prompt: Prompt, allowed_variables: Iterable[str] | Mapping[str, str]) -> None:
    """Raise ``FlowError`` naming a variable that the prompt wants and nothing makes, or one that it lacks.

    It has to use those that a mapping gives a reason for.
    """
    allowed = set(allowed_variables)
    for unknown in sorted(prompt.variables - allowed):
        hint = did_you_mean(unknown, allowed)
        raise FlowError(
            f"prompt variable '{unknown}' is made by nothing before this step", where=prompt.name, hint=hint
        )
    needed = allowed_variables if isinstance(allowed_variables, Mapping) else {}
    for name, shown in needed.items():
        if shown and name not in prompt.variables:
            raise FlowError(f"the prompt never shows {shown}", where=prompt.name, hint=f"use its variable '{name}'")


def shipped() -> list[str]:
    """Names of the prompts that come with the package."""
    return sorted(f.name.removesuffix(".jinja") for f in files("ragset.prompts").iterdir() if f.name.endswith(".jinja"))


def _read(name_or_path: str) -> tuple[str, str]:
    """Give (name, text) of a shipped prompt or of a file."""
    if name_or_path.endswith(".jinja"):
        path = Path(name_or_path)
        try:
            text = path.read_text(encoding="utf-8-sig")
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
