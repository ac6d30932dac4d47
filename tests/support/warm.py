"""Command lines run as forks of one process that has loaded everything: each starts at once, and can be killed.

``with Warm() as warm: warm.start(arguments); warm.wait()``. A run is a process of its own; what it writes to stderr is
in ``warm.said``.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path

LOADED = (
    "ragset.api", "ragset.api.estimate", "ragset.cli.build", "ragset.cli.show_run", "ragset.adapters.chroma_store",
    "ragset.adapters.models.openai_chat", "ragset.adapters.models.http", "ragset.adapters.models.pacing", "aiohttp",
    "chromadb", "chromadb.api.rust", "numpy", "pyarrow.parquet", "dotenv.parser", "filelock",
)  # fmt: skip
"""Modules that a build with a model on the network loads, the slow ones; ragas is loaded by its bridge."""


class Warm:
    """One run at a time."""

    def __init__(self) -> None:
        self._errors = Path(tempfile.mkstemp(prefix="warm-")[1])
        command = [sys.executable, str(Path(__file__).resolve()), str(self._errors)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self._line()
        self.pid = 0

    @property
    def said(self) -> str:
        """What the last run wrote to stderr."""
        return self._errors.read_text("utf-8", "replace")

    def start(self, arguments: list[str]) -> int:
        """Start a run; gives its process id."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(arguments).encode() + b"\n")
        self.pid = int(self._line())
        return self.pid

    def ended(self, within: float = 0.0) -> bool:
        """Tell whether the run has ended; waits up to so many seconds for it."""
        return bool(select.select([self._process.stdout], [], [], within)[0])

    def wait(self, timeout: float = 120) -> int:
        """Give the exit code, negative for a signal."""
        if not self.ended(timeout):
            raise TimeoutError(f"the run did not end within {timeout:g} s")
        return int(self._line())

    def _line(self) -> bytes:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the warm process is gone")
        return line

    def __enter__(self) -> Warm:
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        self._process.wait(30)
        self._errors.unlink(missing_ok=True)


def _serve(errors: str) -> None:
    import asyncio

    for name in LOADED:
        import_module(name)
    asyncio.run(import_module("ragset.adapters.ragas_bridge").load())
    print("ready", flush=True)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _run(json.loads(line), errors)
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


def _run(arguments: list[str], errors: str) -> None:
    from ragset.cli import cli

    target = os.open(errors, os.O_WRONLY | os.O_TRUNC)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(target, 2)
    os.dup2(target, 1)
    code = 70
    try:
        cli.main(arguments, prog_name="ragset")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve(sys.argv[1])
