"""The source ``files``: every file of the named folders, each met once, the unreadable ones with their reason."""

from __future__ import annotations

import asyncio
import os
import stat
import unicodedata
from collections.abc import AsyncIterator, Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from ragset.adapters.reading import SUPPORTED, supported
from ragset.errors import CorpusMismatchError, UsageError, did_you_mean
from ragset.schema.documents import Noun, SourceFile
from ragset.schema.samples import Failure, Intake
from ragset.schema.step import Source, Tools

_MANIFEST = "MANIFEST.json"


class Survey(Noun):
    """What lies in the sources: files sorted by document id, the problems some have, how many were skipped.

    ``corpora`` maps each corpus name to its absolute root; ``whole`` names the corpora that were given as a folder,
    within which alone a file that is not listed has been removed.
    """

    files: tuple[SourceFile, ...] = ()
    problems: dict[str, Failure] = Field(default_factory=dict)
    skipped: int = 0
    corpora: dict[str, str] = Field(default_factory=dict)
    whole: frozenset[str] = frozenset()


class Files(Source):
    """List the files of folders (``PATH`` or ``NAME=PATH``), or single ones."""

    name: ClassVar[str] = "files"
    takes: ClassVar[type[Noun] | None] = None
    gives: ClassVar[type[Noun] | None] = SourceFile

    sources: tuple[str, ...]
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    async def draws(self, tools: Tools) -> AsyncIterator[Intake]:
        """Yield one intake a file, in the order of document ids; a file that cannot be read carries its failure."""
        found = await asyncio.to_thread(survey, self.sources, self.include, self.exclude)
        for number, file in enumerate(found.files):
            yield Intake(number=number, file=file, failure=found.problems.get(file.document_id))


def survey(sources: Iterable[str], include: Iterable[str] = (), exclude: Iterable[str] = ()) -> Survey:
    """List the files of all sources without opening any.

    Raises ``UsageError`` for a path that is not there and ``CorpusMismatchError`` when two roots share a name.
    """
    look = _Look(tuple(include), tuple(exclude))
    for source in sources:
        look.add(source)
    files = [look.files[key] for key in sorted(look.files)]
    return Survey(
        files=tuple(files),
        problems=look.problems,
        skipped=look.skipped,
        corpora=look.corpora,
        whole=frozenset(look.whole),
    )


class _Look:
    """The survey at work."""

    def __init__(self, include: tuple[str, ...], exclude: tuple[str, ...]) -> None:
        self.include, self.exclude = include, exclude
        self.files: dict[str, SourceFile] = {}
        self.problems: dict[str, Failure] = {}
        self.corpora: dict[str, str] = {}
        self.whole: set[str] = set()
        self.skipped = 0

    def add(self, source: str) -> None:
        name, path = _named(source)
        root = path if path.is_dir() else path.parent
        name = unicodedata.normalize("NFC", name or root.name or "root")
        if "/" in name or name in (".", "..") or not name.isprintable():
            raise UsageError(
                f"'{name}' cannot name a corpus", where=source, hint="name it as in NAME=PATH, without '/'"
            )
        known = self.corpora.setdefault(name, str(root))
        if known != str(root):
            raise CorpusMismatchError(
                f"two sources are named '{name}': {known} and {root}", hint=f"rename one: other={source}"
            )
        if path.is_dir():
            self.whole.add(name)
            for found in _walk(root):
                self._meet(name, root, found)
        else:
            self._take(name, root, path)

    def _meet(self, corpus: str, root: Path, path: Path) -> None:
        """Take a file found in a folder, unless it is hidden, a manifest or filtered out."""
        inside = path.relative_to(root).as_posix()
        hidden = path.name.startswith(".") or path.name == _MANIFEST
        wanted = not self.include or _matches(inside, self.include)
        if hidden or not wanted or _matches(inside, self.exclude) or _is_inner_folder_link(path, root):
            self.skipped += 1
        else:
            self._take(corpus, root, path)

    def _take(self, corpus: str, root: Path, path: Path) -> None:
        raw = path.relative_to(root).as_posix()
        inside = unicodedata.normalize("NFC", raw.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
        problem, size = _problem(path, root), 0
        if problem is None and inside.count("\ufffd") > raw.count("\ufffd"):
            problem = "name", "has a name that is not UTF-8; rename it"
        if problem is None or problem[0] == "unsupported":
            size = path.stat().st_size
        absolute = os.path.realpath(path) if problem is None else os.fsencode(path).decode("utf-8", "replace")
        file = SourceFile(corpus=corpus, root=str(root), path=inside, absolute=absolute, size=size)
        before = self.files.get(file.document_id)
        if before is not None and before.absolute == file.absolute:
            return
        if before is not None:
            # Two names that differ only in how they write their accents: both would be the same document.
            problem = "duplicate", "another file has the same name (accents written otherwise); rename one of them"
        self.files[file.document_id] = file
        if problem is not None:
            self.problems[file.document_id] = Failure(step="files", error=problem[0], message=problem[1])


def _named(source: str) -> tuple[str | None, Path]:
    """Split ``NAME=PATH``; a path that is there as written is taken as a path."""
    name: str | None = None
    path = Path(source).expanduser()
    if "=" in source and not os.path.lexists(path):
        name, _, rest = source.partition("=")
        path = Path(rest).expanduser()
    if not path.exists():
        if os.path.lexists(path):
            raise UsageError("is a link that leads nowhere", where=str(path), hint="mend or remove it")
        siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        hint = did_you_mean(path.name, siblings[:1000]) if siblings else f"there is no folder {path.parent} either"
        raise UsageError("no such file or folder", where=source, hint=hint)
    return name, path.resolve() if path.is_dir() else path.parent.resolve() / path.name


def _walk(folder: Path) -> Iterator[Path]:
    """Give the files below a folder; hidden folders are given themselves, links to folders are not entered."""
    pending = [folder]
    while pending:
        here = pending.pop()
        try:
            entries = sorted(os.scandir(here), key=lambda e: os.fsencode(e.name))
        except OSError:
            yield here
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
                pending.append(Path(entry.path))
            else:
                yield Path(entry.path)


def _matches(path: str, globs: tuple[str, ...]) -> bool:
    """Match the path within the corpus, or the file's name, against shell patterns; ``**/`` may stand for nothing."""
    name = path.rsplit("/", 1)[-1]
    return any(
        fnmatchcase(path, glob)
        or fnmatchcase(path, glob.replace("**/", ""))
        or ("/" not in glob and fnmatchcase(name, glob))
        for glob in globs
    )


def _is_inner_folder_link(path: Path, root: Path) -> bool:
    """Tell a link to a folder of the same corpus: its files are met where they are."""
    return path.is_symlink() and path.is_dir() and Path(os.path.realpath(path)).is_relative_to(root)


def _problem(path: Path, root: Path) -> tuple[str, str] | None:
    """Say why a path will not be read, if so, without opening it."""
    try:
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            target = Path(os.path.realpath(path))
            if not target.is_relative_to(root):
                return "link", "is a link that leads out of the corpus; copy the file into it"
            status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            return "folder", "is a folder that cannot be listed; check its permissions"
    except OSError as error:
        return "link" if path.is_symlink() else "unreadable", f"cannot be opened ({error.strerror}); mend or remove it"
    if not stat.S_ISREG(status.st_mode):
        return "irregular", "is no regular file (a pipe, socket or device); leave it out"
    if not supported(path.name):
        suffix = f"the suffix {path.suffix}" if path.suffix else "a name without suffix"
        return "unsupported", f"{suffix} is not supported; supported: {SUPPORTED}"
    return None
