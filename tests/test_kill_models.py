"""SIGKILL at random moments of a run with language models: the same set, and nothing paid for twice.

Calls are counted on the server's side. Of a kill, at most the calls that were in flight are asked again; a reply that
was committed never is.
"""

from __future__ import annotations

import random
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from os import kill
from pathlib import Path

import pytest

from support.scripted_server import ServerProcess
from support.warm import Warm
from test_kill_build import write_corpus

LIMIT = 8
KILLS = 20


class Place:
    """A corpus, its index, a server in a process of its own, and runs that are processes of their own."""

    def __init__(self, folder: Path, server: ServerProcess, warm: Warm) -> None:
        self.folder, self.server, self.warm = folder, server, warm
        self.corpus = write_corpus(folder / "corpus")

    def command(self, home: Path, *more: str) -> list[str]:
        given = ["build", str(self.corpus), "--out", str(home / "out"), "--indexes", str(self.folder / "indexes")]
        given += ["-n", "12", "--index", "tools", "--embedder", "hash", "--quiet"]
        given += ["--cache", str(home / "replies.sqlite"), "--concurrency", str(LIMIT)]
        return [*given, "--model", "compatible:scripted", "--base-url", self.server.url, *more]

    def finish(self, home: Path, *more: str) -> tuple[bytes, bytes]:
        self.warm.start(self.command(home, *more))
        assert self.warm.wait() in (0, 3), self.warm.said
        return (home / "out/kept.jsonl").read_bytes(), (home / "out/rejected.jsonl").read_bytes()

    def killed(self, home: Path, calls: int) -> bool:
        """Start the run and kill it once the server has seen ``calls`` more calls; false when it ended before."""
        aim = self.server.stats()["count"] + calls
        pid = self.warm.start(self.command(home))
        while not self.warm.ended(0.004):
            if self.server.stats()["count"] >= aim:
                kill(pid, signal.SIGKILL)
                break
        return self.warm.wait() == -signal.SIGKILL

    def settled(self) -> list[dict]:
        """Give the log once nothing is in flight any more: what was killed may still be answered."""
        while self.server.stats()["in_flight"]:
            time.sleep(0.01)
        return self.server.log(bodies=False)


def committed(home: Path) -> int:
    path = home / "replies.sqlite"
    if not path.exists():
        return 0
    with sqlite3.connect(path) as db:
        return db.execute("SELECT count(*) FROM replies").fetchone()[0]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with ServerProcess("--latency", "0.03", "--pass-rate", "0.7") as server, Warm() as warm:
        yield Place(tmp_path, server, warm)


def test_twenty_kills_pay_nothing_twice(place: Place) -> None:
    """Per chain of kills: every request is counted where it arrives; a reply that was committed is not asked again."""
    expected = place.finish(place.folder / "plain")
    needed = place.server.stats()["count"]
    assert expected[0].count(b"\n") == 12
    dice, struck, chain = random.Random(5), 0, 0
    while struck < KILLS:
        home, kills = place.folder / f"chain{chain}", 0
        chain += 1
        place.server.reset()
        while kills < 5 and struck < KILLS:
            before, asked = committed(home), len(place.settled())
            if not place.killed(home, dice.randint(1, needed // 6)):
                break
            struck, kills = struck + 1, kills + 1
            lost = len(place.settled()) - asked - (committed(home) - before)
            assert 0 <= lost <= LIMIT  # asked, and not committed: what was in flight
        assert place.finish(home) == expected
        log = Counter(record["body_hash"] for record in place.settled())
        assert sum(log.values()) - len(log) <= LIMIT * kills
        assert len(log) <= needed + LIMIT * kills  # what was under way ahead of the order may differ
        assert sum(log.values()) - committed(home) <= LIMIT * (kills + 1)  # and what the last run had ahead
    assert chain < KILLS


def test_the_cache_alone_makes_the_set_again(place: Place) -> None:
    home = place.folder / "home"
    first, calls = place.finish(home), place.server.stats()["count"]
    assert place.finish(home, "--force", "--replay") == first
    assert place.server.stats()["count"] == calls
    place.warm.start(place.command(home, "--force", "--replay", "--seed", "9"))
    assert place.warm.wait() == 2
    assert "--replay" in place.warm.said
    assert place.server.stats()["count"] == calls
