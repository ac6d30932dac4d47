"""SIGKILL at random moments of a run with language models: the same set, and nothing paid for twice.

Calls are counted on the server's side. Of a kill, at most the calls that were in flight are asked again; a reply that
was committed never is.
"""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from support.scripted_server import ServerProcess
from test_kill_build import write_corpus

LIMIT = 8


def command(corpus: Path, home: Path, url: str, *more: str) -> list[str]:
    given = ["build", str(corpus), "--out", str(home / "out"), "--indexes", str(home / "indexes"), "-n", "12"]
    given += ["--index", "tools", "--embedder", "hash", "--quiet", "--cache", str(home / "replies.sqlite")]
    given += ["--model", "compatible:scripted", "--base-url", url, "--concurrency", str(LIMIT), *more]
    return [sys.executable, "-m", "ragset", *given]


def finish(command_line: list[str]) -> None:
    done = subprocess.run(command_line, capture_output=True, text=True, timeout=120)
    assert done.returncode in (0, 3), done.stderr


def killed_at(command_line: list[str], server: ServerProcess, calls: int) -> bool:
    """Start the run and kill it once the server has seen ``calls`` more calls; false when it ended before."""
    aim = server.stats()["count"] + calls
    process = subprocess.Popen(command_line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and server.stats()["count"] < aim:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return process.returncode == -signal.SIGKILL


def committed(home: Path) -> int:
    path = home / "replies.sqlite"
    if not path.exists():
        return 0
    with sqlite3.connect(path) as db:
        return db.execute("SELECT count(*) FROM replies").fetchone()[0]


def outcome(home: Path) -> tuple[bytes, bytes]:
    return (home / "out/kept.jsonl").read_bytes(), (home / "out/rejected.jsonl").read_bytes()


@pytest.fixture
def server():
    with ServerProcess("--latency", "0.03", "--pass-rate", "0.7") as running:
        yield running


def test_twenty_kills_pay_nothing_twice(tmp_path: Path, server: ServerProcess) -> None:
    corpus = write_corpus(tmp_path / "corpus")
    finish(command(corpus, tmp_path / "plain", server.url))
    needed, expected = server.stats()["count"], outcome(tmp_path / "plain")
    assert expected[0].count(b"\n") == 12
    dice, struck = random.Random(5), 0
    while struck < 20:
        home = tmp_path / f"chain{struck}"
        server.reset()
        kills = 0
        while kills < 5 and struck < 20:
            before = committed(home)
            if not killed_at(command(corpus, home, server.url), server, dice.randint(1, max(2, needed // 6))):
                break
            struck, kills = struck + 1, kills + 1
            assert committed(home) >= before
        finish(command(corpus, home, server.url))
        assert outcome(home) == expected
        asked = Counter(record["body_hash"] for record in server.log())
        assert len(asked) <= needed + LIMIT * kills  # what was under way ahead of the order may differ
        assert sum(asked.values()) - len(asked) <= LIMIT * kills


def test_the_cache_alone_makes_the_set_again(tmp_path: Path, server: ServerProcess) -> None:
    corpus, home = write_corpus(tmp_path / "corpus"), tmp_path / "home"
    finish(command(corpus, home, server.url))
    first, calls = outcome(home), server.stats()["count"]
    finish(command(corpus, home, server.url, "--force", "--replay"))
    assert outcome(home) == first
    assert server.stats()["count"] == calls
    other = command(corpus, home, server.url, "--force", "--replay", "--seed", "9")
    refused = subprocess.run(other, capture_output=True, text=True, timeout=120)
    assert refused.returncode == 2
    assert "--replay" in refused.stderr
    assert server.stats()["count"] == calls
