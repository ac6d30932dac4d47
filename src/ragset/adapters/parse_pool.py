"""A few sandboxed children that parse documents; whatever happens to one of them, the parent goes on."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import weakref
from pathlib import Path
from typing import Any

from ragset.errors import DocumentError
from ragset.schema.documents import Document, SourceFile

RECYCLE_AFTER = 200
# The package's own folder is put first, so that the child runs the code its parent runs.
_BOOT = "import sys; sys.path.insert(0, sys.argv.pop(1)); from ragset.adapters.parse_child import main; main()"
_ROOT = str(Path(__file__).resolve().parents[2])


class ParsePool:
    """Parses each file in a child process under limits of time and memory.

    ``timeout_s`` bounds one file, ``memory_mb`` what a child may hold. Children start at the first file, are replaced
    after 200 files or when one dies, and end with the pool, or with this process however it ends.
    """

    def __init__(self, children: int = 2, timeout_s: float = 60.0, memory_mb: int = 1024) -> None:
        """Start nothing yet."""
        self.children, self.timeout_s, self.memory_mb = children, timeout_s, memory_mb
        self._slots = asyncio.Semaphore(children)
        self._idle: list[_Child] = []
        self._all: set[_Child] = set()
        self._finalizer = weakref.finalize(self, _end_all, self._all)

    async def parse(self, file: SourceFile, max_bytes: int = 100_000_000, max_chars: int = 20_000_000) -> Document:
        """Parse one file; raises ``DocumentError`` with the reason and what to do."""
        request = {
            "file": file.model_dump(),
            "max_bytes": max_bytes,
            "max_chars": max_chars,
            "memory_mb": self.memory_mb,
            "timeout_s": self.timeout_s,
        }
        async with self._slots:
            child = self._take()
            try:
                return await asyncio.to_thread(child.parse, request, self.timeout_s)
            except asyncio.CancelledError:
                child.end()
                raise
            finally:
                self._give_back(child)

    def _take(self) -> _Child:
        while self._idle:
            child = self._idle.pop()
            if child.alive:
                return child
            child.end()
            self._all.discard(child)
        child = _Child()
        self._all.add(child)
        return child

    def _give_back(self, child: _Child) -> None:
        if child.usable:
            self._idle.append(child)
        else:
            child.end()
            self._all.discard(child)

    def close(self) -> None:
        """Kill the children and remove their folders; the pool may be used again afterwards."""
        self._idle.clear()
        _end_all(self._all)


def _end_all(children: set[_Child]) -> None:
    while children:
        children.pop().end()


class _Child:
    """One child process, its pipes and its folder."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[str] | None = None
        self.folder = ""
        self.done = 0
        self.dead = False
        self.lock = threading.Lock()

    @property
    def usable(self) -> bool:
        return not self.dead and self.done < RECYCLE_AFTER

    @property
    def alive(self) -> bool:
        return not self.dead and self.process is not None and self.process.poll() is None

    def parse(self, request: dict[str, Any], timeout_s: float) -> Document:
        """Send one request and wait for its reply; runs in a thread."""
        process = self._started()
        late = threading.Event()
        timer = threading.Timer(timeout_s, self._too_late, (process, late))
        timer.daemon = True
        timer.start()
        try:
            line = self._exchange(process, request)
        finally:
            timer.cancel()
        self.done += 1
        if not line.endswith("\n"):
            self.dead = True
            self.end()
            raise _death(process.returncode, late.is_set(), timeout_s)
        reply = json.loads(line)
        if "document" in reply:
            return Document.model_validate(reply["document"])
        self.dead = bool(reply.get("fatal"))
        raise DocumentError(reply["error"], hint=reply.get("hint"))

    def _exchange(self, process: subprocess.Popen[str], request: dict[str, Any]) -> str:
        if process.stdin is None or process.stdout is None:
            return ""
        try:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            return process.stdout.readline()
        except (OSError, ValueError):
            return ""

    def _too_late(self, process: subprocess.Popen[str], late: threading.Event) -> None:
        late.set()
        _kill(process)

    def _started(self) -> subprocess.Popen[str]:
        with self.lock:
            if self.process is None:
                self.folder = tempfile.mkdtemp(prefix="ragset-parse-")
                self.process = subprocess.Popen(  # noqa: S603  our own interpreter and module
                    [sys.executable, "-I", "-B", "-X", "utf8", "-W", "ignore", "-c", _BOOT, _ROOT, str(os.getpid())],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    cwd=self.folder,
                    env=_environment(self.folder),
                    encoding="utf-8",
                    start_new_session=True,
                )
            return self.process

    def end(self) -> None:
        """Kill the process and what it started, and remove its folder."""
        with self.lock:
            self.dead = True
            process = self.process
            if process is not None:
                _kill(process)
                process.wait()
                for pipe in (process.stdin, process.stdout):
                    if pipe is not None:
                        with contextlib.suppress(OSError, ValueError):
                            pipe.close()
            if self.folder:
                shutil.rmtree(self.folder, ignore_errors=True)
                self.folder = ""


def _kill(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        process.kill()


def _environment(folder: str) -> dict[str, str]:
    """Give the child what libraries need and nothing of the user's: no keys, no proxies, no home."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ}
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    quiet = {"UNSTRUCTURED_DISABLE_NOTICE": "1", "DO_NOT_TRACK": "true", "SCARF_NO_ANALYTICS": "true"}
    return kept | single | quiet | {"HOME": folder, "TMPDIR": folder, "LANG": "C.UTF-8", "MALLOC_ARENA_MAX": "2"}


def _death(code: int | None, late: bool, timeout_s: float) -> DocumentError:
    """Say why there is no reply."""
    if late or code == -signal.SIGXCPU:
        return DocumentError(f"took longer than {timeout_s:g} s to parse", hint="split it, or raise --parse-timeout")
    if code == -signal.SIGKILL:
        return DocumentError("its parser was killed, most likely for memory", hint="split it")
    name = signal.Signals(-code).name if code is not None and code < 0 else f"exit code {code}"
    return DocumentError(f"crashed its parser ({name})", hint="open and save it again, or leave it out")
