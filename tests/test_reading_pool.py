"""Children are limited, replaced when they die, and know nothing of the user's environment."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ragset.adapters.parse_pool import ParsePool
from ragset.errors import DocumentError
from ragset.schema.documents import SourceFile
from ragset.schema.samples import Intake
from ragset.schema.step import Tools
from ragset.sources.read import Read


def file(path: Path) -> SourceFile:
    return SourceFile(corpus="c", root=str(path.parent), path=path.name, absolute=str(path), size=0)


@pytest.fixture
def pool() -> Iterator[ParsePool]:
    made = ParsePool(children=1, timeout_s=30)
    yield made
    made.close()


def pids(pool: ParsePool) -> list[int]:
    return [child.process.pid for child in pool._all if child.process]


async def test_a_late_child_is_killed_and_the_next_file_is_read(pool: ParsePool, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("Hello there.")
    pool.timeout_s = 0.01
    with pytest.raises(DocumentError, match=r"took longer than 0\.01 s"):
        await pool.parse(file(path))
    pool.timeout_s = 30
    assert (await pool.parse(file(path))).text == "Hello there."


async def test_memory_is_bounded(pool: ParsePool, tmp_path: Path) -> None:
    path = tmp_path / "big.txt"
    path.write_bytes(b"some words on a line\n" * 2_000_000)
    pool.memory_mb = 64
    with pytest.raises(DocumentError, match="memory"):
        await pool.parse(file(path), max_chars=10**9)
    small = tmp_path / "a.txt"
    small.write_text("Still alive.")
    pool.memory_mb = 1024
    assert (await pool.parse(file(small))).text == "Still alive."
    with pytest.raises(DocumentError, match="the limit is 10"):
        await pool.parse(file(path), max_bytes=10)


async def test_a_dead_child_is_replaced_and_close_leaves_nothing(pool: ParsePool, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("Hello.")
    await pool.parse(file(path))
    (first,) = pids(pool)
    os.kill(first, signal.SIGKILL)
    while next(iter(pool._all)).process.poll() is None:
        await asyncio.sleep(0.01)
    await pool.parse(file(path))
    (second,) = pids(pool)
    folder = Path(next(iter(pool._all)).folder)
    assert second != first
    assert folder.is_dir()
    pool.close()
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(second, 0)


async def test_the_child_has_no_keys_and_ends_with_its_parent(
    pool: ParsePool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    path = tmp_path / "a.txt"
    path.write_text("Hello.")
    await pool.parse(file(path))
    assert b"sk-secret" not in Path(f"/proc/{pids(pool)[0]}/environ").read_bytes()
    child = next(iter(pool._all)).process
    child.stdin.close()
    assert child.wait(10) == 0


def test_no_socket_connects_in_a_confined_process() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = (
            "import os, socket; from ragset.adapters.parse_child import _confine; _confine(os.getppid())\n"
            f"try: socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 2)\n"
            "except OSError as error: print('refused', type(error).__name__)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("refused")


async def test_read_skips_known_bytes_and_tells_changed_ones(tmp_path: Path) -> None:
    path, tools = tmp_path / "a.txt", Tools()
    path.write_text("First version.")
    item = Intake(number=0, file=file(path))
    read = Read(children=1)
    first = await read.apply(item, tools)
    assert first.state == "new"
    tools.extras["known_sources"] = {"c/a.txt": first.document.source_hash}
    again = await read.apply(item, tools)
    assert (again.state, again.document) == ("unchanged", None)
    path.write_text("Second version.")
    changed = await read.apply(item, tools)
    assert (changed.state, changed.document.text) == ("changed", "Second version.")
    path.write_bytes(b"")
    assert (await read.apply(item, tools)).failure.message == "is empty; fill it or remove it"
    tools.extras["parse_pool"].close()


async def test_a_link_put_there_after_the_survey_is_not_followed(pool: ParsePool, tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("secret")
    (tmp_path / "a.txt").symlink_to(tmp_path / "b.txt")
    with pytest.raises(DocumentError, match="cannot be opened"):
        await pool.parse(file(tmp_path / "a.txt"))
