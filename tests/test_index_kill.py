"""Killing an ingest at any moment loses nothing that was finished, and leaves nothing by half."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from ingest_driver import edition, ingest
from ragset.adapters.chroma_store import Index, open_index
from ragset.adapters.hash_embedder import HashEmbedder

COUNT = 30


def truth(index: Index) -> dict[str, bytes]:
    return {p.relative_to(index.folder).as_posix(): p.read_bytes() for p in sorted(index.folder.rglob("*.parquet"))}


async def check(index: Index) -> None:
    for key in index.document_ids():
        for chunk, vector in zip(index.chunks(key), index.vectors(key), strict=True):
            assert (await index.search(vector[None], 1))[0][0].chunk == chunk


class Driver:
    """Starts ingests that can be killed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin
        assert process.stdout
        self.stdin, self.stdout = process.stdin, process.stdout

    def ingest(self, root: Path, number: int, kill_after: float | None = None) -> float:
        """Run one, or kill it after so many seconds; give the seconds it took."""
        self.stdin.write(f"{root} {COUNT} {number}\n")
        self.stdin.flush()
        child = int(self.stdout.readline())
        begun = time.perf_counter()
        if kill_after is not None:
            time.sleep(kill_after)
            # Never another process: the driver reaps a child that has ended, but starts no other one before we ask.
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        status = int(self.stdout.readline())
        assert status in (0, signal.SIGKILL if kill_after is not None else 0)
        return time.perf_counter() - begun


@pytest.fixture(scope="module")
def driver() -> Generator[Driver]:
    command = [sys.executable, str(Path(__file__).with_name("ingest_driver.py"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Driver(process)
        assert process.stdin
        process.stdin.close()


@pytest.fixture(scope="module")
def whole(driver: Driver, tmp_path_factory: pytest.TempPathFactory) -> dict[int, tuple[dict[str, bytes], float]]:
    """The truth after each edition without a kill, and how long it took."""
    root = tmp_path_factory.mktemp("whole")
    found: dict[int, tuple[dict[str, bytes], float]] = {}
    for number in (1, 2):
        seconds = driver.ingest(root, number)
        index = open_index(root, "one", embedder=HashEmbedder())
        found[number] = truth(index), seconds
        index.close()
    return found


@pytest.mark.parametrize("number", [1, 2])
async def test_killed_at_random_moments_and_run_again(tmp_path: Path, driver: Driver, whole, number: int):
    wanted, seconds = whole[number]
    random = Random(number)
    kills = 0
    while kills < 10:
        root = tmp_path / str(kills)
        if number == 2:
            driver.ingest(root, 1)
        for _ in range(5):
            driver.ingest(root, number, kill_after=random.random() * seconds)
            kills += 1
            if random.random() < 0.3:  # what a reader sees between two tries is whole
                index = open_index(root, "one", embedder=HashEmbedder(), create=True)
                await check(index)
                index.close()
        index = open_index(root, "one", embedder=HashEmbedder(), create=True)
        await ingest(index, edition(COUNT, number))
        assert truth(index) == wanted
        await check(index)
        index.close()


async def test_what_was_committed_before_the_kill_is_not_embedded_again(tmp_path: Path):
    texts = edition(6, 1)
    index = open_index(tmp_path, "one", embedder=HashEmbedder(), create=True)

    class Stop(Exception):
        pass

    real, calls = index.commit, 0

    def commit(stored):
        nonlocal calls
        calls += 1
        if calls == 4:
            raise Stop
        real(stored)

    index.commit = commit  # type: ignore[method-assign]
    with pytest.raises(Stop):
        await ingest(index, texts)
    embedder = HashEmbedder()
    said: list[str] = []
    again = open_index(tmp_path, "one", embedder=embedder, say=said.append)
    assert len(again.document_ids()) == 3
    assert said == ["index 'one': recovered documents of an interrupted ingest"]
    done = await ingest(again, texts)
    assert done["documents"] == {"added": 3, "unchanged": 3, "changed": 0, "removed": 0, "failed": []}
    assert done["chunks"]["embedded"] == embedder.embedded < done["chunks"]["total"]
    again.close()


async def test_broken_files_in_pending_are_dropped_and_read_again(tmp_path: Path):
    texts = edition(4, 1)
    index = open_index(tmp_path, "one", embedder=HashEmbedder(), create=True)
    index.publish = lambda gone: None  # type: ignore[method-assign]
    await ingest(index, texts)
    pending = sorted((index.folder / "pending" / "0").glob("*.parquet"))
    assert len(pending) == 4
    pending[0].write_bytes(b"junk")
    data = pending[1].read_bytes()
    pending[1].write_bytes(data[: len(data) // 2])
    # One bit within a page: the file opens, and its vectors or its text are other ones.
    data = bytearray(pending[2].read_bytes())
    data[len(data) // 3] ^= 1
    pending[2].write_bytes(data)
    pending[3].rename(pending[3].with_name("a.parquet"))
    said: list[str] = []
    again = open_index(tmp_path, "one", embedder=HashEmbedder(), say=said.append)
    assert len(said) == 4
    assert all("cannot be read; its document is read again" in line for line in said)
    done = await ingest(again, texts)
    assert done["documents"]["added"] == 4
    await check(again)
    again.close()
