"""The source ``files``: every file of the named folders, each met once, the unreadable ones with their reason."""

from __future__ import annotations

import asyncio
import os
import stat
import unicodedata
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable, Iterator
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
    within which alone a file that is not listed has been removed. ``unlisted`` are document ids of files that are
    there but filtered out, and prefixes of ids (``corpus/sub/``) below folders that cannot be listed: what the index
    has of them stays.
    """

    files: tuple[SourceFile, ...] = ()
    problems: dict[str, Failure] = Field(default_factory=dict)
    skipped: int = 0
    corpora: dict[str, str] = Field(default_factory=dict)
    whole: frozenset[str] = frozenset()
    unlisted: frozenset[str] = frozenset()

    @property
    def filtered(self) -> frozenset[str]:
        """Ids of the documents that patterns leave out."""
        return frozenset(name for name in self.unlisted if not name.endswith("/"))

    @property
    def readable(self) -> bool:
        """True when there is a file that is going to be read."""
        return len({file.document_id for file in self.files} - self.problems.keys()) > 0

    def nothing(self, sources: Iterable[str]) -> UsageError:
        """Give the error of sources without a file that can be read: how many there are, and why they cannot."""
        why = Counter(problem.message.split(";")[0] for problem in self.problems.values())
        why["left out by include or exclude"] = len(self.filtered)
        why["hidden, or ragset's own"] = self.skipped - len(self.filtered)
        counts = ", ".join(f"{count:,} × {reason}" for reason, count in why.most_common() if count)
        what = f"holds no file that can be read{f' ({counts})' if counts else ''}"
        hint = "correct --include and --exclude" if self.filtered else f"name another source; supported: {SUPPORTED}"
        return UsageError(what, where=", ".join(sources), hint=hint)


class Files(Source):
    """List the files of folders (``PATH`` or ``NAME=PATH``), or single ones."""

    name: ClassVar[str] = "files"
    takes: ClassVar[type[Noun] | None] = None
    gives: ClassVar[type[Noun] | None] = SourceFile

    sources: tuple[str, ...]
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    async def draws(self, tools: Tools) -> AsyncIterator[Intake]:
        """Yield one intake a file, in the order of document ids; a file that cannot be read carries its failure.

        A survey in ``tools.extras["survey"]`` is taken as it is, so that the folders are walked once.
        """
        found = tools.extras.get("survey")
        if not isinstance(found, Survey):
            found = await asyncio.to_thread(survey, self.sources, self.include, self.exclude)
        for number, file in enumerate(found.files):
            yield Intake(number=number, file=file, failure=found.problems.get(file.document_id))


def survey(
    sources: Iterable[str],
    include: Iterable[str] = (),
    exclude: Iterable[str] = (),
    *,
    apart: Collection[Path] = (),
) -> Survey:
    """List the files of all sources without opening any.

    The folders ``apart``, and folders that are a run or an index, are no part of a corpus they lie in: each is
    skipped as one. Raises ``UsageError`` for a path that is not there and ``CorpusMismatchError`` when two roots share
    a name.
    """
    look = _Look(tuple(include), tuple(exclude), frozenset(os.path.realpath(folder) for folder in apart))
    for source in sources:
        look.add(source)
    files = [look.files[key] for key in sorted(look.files)]
    return Survey(
        files=tuple(files),
        problems=look.problems,
        skipped=look.skipped,
        corpora=look.corpora,
        whole=frozenset(look.whole),
        unlisted=frozenset(look.unlisted),
    )


class _Look:
    """The survey at work."""

    def __init__(self, include: tuple[str, ...], exclude: tuple[str, ...], apart: frozenset[str]) -> None:
        self.include, self.exclude, self.apart = include, exclude, apart
        # By document id and by the name as the disk has it: two names may be one id.
        self.files: dict[tuple[str, str], SourceFile] = {}
        self.met: dict[str, str] = {}
        self.problems: dict[str, Failure] = {}
        self.corpora: dict[str, str] = {}
        self.whole: set[str] = set()
        self.unlisted: set[str] = set()
        self.skipped = 0

    def add(self, source: str) -> None:
        name, path = _named(source)
        folder = os.path.isdir(path)
        root = path if folder else path.parent
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
        if folder:
            self.whole.add(name)
            for found in self._walk(name, root):
                self._meet(name, root, found)
        else:
            self._take(name, root, path)

    def _walk(self, corpus: str, root: Path) -> Iterator[Path]:
        """Give the files below a folder; hidden folders are given themselves, links to folders are not entered."""
        pending = [root]
        while pending:
            here = pending.pop()
            try:
                entries = sorted(os.scandir(here), key=lambda e: os.fsencode(e.name))
            except OSError:
                inside = "" if here == root else _inside(here, root) + "/"
                self.unlisted.add(f"{corpus}/{inside}")
                yield here
                continue
            if here != root and (str(here) in self.apart or _is_ours({entry.name for entry in entries})):
                self.skipped += 1
                continue
            for entry in entries:
                if _is_folder(entry) and not entry.name.startswith("."):
                    pending.append(Path(entry.path))
                else:
                    yield Path(entry.path)

    def _meet(self, corpus: str, root: Path, path: Path) -> None:
        """Take a file found in a folder, unless it is hidden, a manifest or filtered out."""
        inside = path.relative_to(root).as_posix()
        hidden = path.name.startswith(".") or path.name == _MANIFEST
        wanted = not self.include or _matches(inside, self.include)
        filtered = not wanted or _matches(inside, self.exclude)
        if hidden or filtered or _is_inner_folder_link(path, root):
            self.skipped += 1
            if filtered and not hidden:
                self.unlisted.add(f"{corpus}/{_inside(path, root)}")
        else:
            self._take(corpus, root, path)

    def _take(self, corpus: str, root: Path, path: Path) -> None:
        raw, inside = path.relative_to(root).as_posix(), _inside(path, root)
        size, problem = _look_at(path, root)
        if problem is None and inside.count("\ufffd") > raw.count("\ufffd"):
            problem = "name", "has a name that is not UTF-8; rename it"
        absolute = os.path.realpath(path) if problem is None else os.fsencode(path).decode("utf-8", "replace")
        file = SourceFile(corpus=corpus, root=str(root), path=inside, absolute=absolute, size=size)
        key = file.document_id
        if self.met.setdefault(key, raw) != raw and (problem is None or problem[0] != "name"):
            # Two names that differ only in how they write their accents: both would be the same document.
            problem = "duplicate", "another file has the same name (accents written otherwise); rename one of them"
        self.files[key, raw] = file
        if problem is not None:
            self.problems[key] = Failure(step="files", error=problem[0], message=problem[1])


def _named(source: str) -> tuple[str | None, Path]:
    """Split ``NAME=PATH``; a path that is there as written is taken as a path."""
    name: str | None = None
    path = Path(source).expanduser()
    if "=" in source and not os.path.lexists(path):
        name, _, rest = source.partition("=")
        path = Path(rest).expanduser()
    try:
        folder = stat.S_ISDIR(os.stat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        if os.path.lexists(path):
            raise UsageError("is a link that leads nowhere", where=str(path), hint="mend or remove it") from None
        siblings = _names_in(path.parent)
        hint = did_you_mean(path.name, siblings[:1000]) if siblings else f"there is no folder {path.parent} either"
        raise UsageError("no such file or folder", where=source, hint=hint) from None
    except OSError as error:
        raise UsageError(f"cannot be opened ({error.strerror})", where=source, hint="check its permissions") from None
    return name, path.resolve() if folder else path.parent.resolve() / path.name


def _names_in(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except (OSError, ValueError):
        return []


def _inside(path: Path, root: Path) -> str:
    """Give the path within the corpus as a document id has it."""
    raw = path.relative_to(root).as_posix()
    return unicodedata.normalize("NFC", raw.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:  # gone or out of reach by now: the look at the file says so
        return False


def _is_ours(names: Collection[str]) -> bool:
    """Tell by the names in it a folder that is a run or an index."""
    run = "flow.yaml" in names and "journal.sqlite" in names
    # An index.json beside a data folder may be anyone's; the lock or the marker of Chroma is not.
    index = "index.json" in names and "data" in names and ("lock" in names or "chroma.json" in names)
    return run or index


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
    # The functions of os.path take what cannot be looked at as no link and no folder; those of Path raise.
    return os.path.islink(path) and os.path.isdir(path) and Path(os.path.realpath(path)).is_relative_to(root)


def _look_at(path: Path, root: Path) -> tuple[int, tuple[str, str] | None]:
    """Give the size, and why the file will not be read, if so, without opening it."""
    link = False
    try:
        status = os.lstat(path)
        if link := stat.S_ISLNK(status.st_mode):
            if not Path(os.path.realpath(path)).is_relative_to(root):
                return 0, ("link", "is a link that leads out of the corpus; copy the file into it")
            status = os.stat(path)
    except OSError as error:
        return 0, ("link" if link else "unreadable", f"cannot be opened ({error.strerror}); mend or remove it")
    if stat.S_ISDIR(status.st_mode):
        return 0, ("folder", "is a folder that cannot be listed; check its permissions")
    if not stat.S_ISREG(status.st_mode):
        return 0, ("irregular", "is no regular file (a pipe, socket or device); leave it out")
    if not supported(path.name):
        suffix = f"the suffix {path.suffix}" if path.suffix else "a name without suffix"
        return status.st_size, ("unsupported", f"{suffix} is not supported; supported: {SUPPORTED}")
    return status.st_size, None
