"""Paying once: nothing that was committed is asked again, whatever is killed, damaged, shared or cancelled."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from pacing_support import USAGE, FakeTransport, as_draw, ask, paced
from ragset.adapters.models.limiter import Limiter
from ragset.adapters.models.paid import Paid
from ragset.adapters.models.reply_cache import CachedModel, ReplyCache
from ragset.adapters.models.transport import ServerFault
from ragset.errors import ModelError, UsageError
from ragset.schema.models import ModelChoice
from ragset.schema.ports import Reply
from ragset.schema.step import ledger
from virtual_time import virtually

CHOICE = ModelChoice(model="fake:model", max_tokens=20)


def model(transport: FakeTransport, cache: ReplyCache | None, **options: object) -> CachedModel:
    limiter = options.pop("limiter", None)
    return CachedModel(paced(transport, limiter), cache, "writer", CHOICE, **options)  # type: ignore[arg-type]


def test_a_reply_is_paid_once_and_booked_each_time(tmp_path: Path) -> None:
    transport, paid = FakeTransport(), Paid()

    async def work() -> None:
        for _ in range(3):
            as_draw(0)
            cache = ReplyCache(tmp_path / "deep" / "replies.sqlite")
            reply = await model(transport, cache, paid=paid).complete(ask(purpose="write"))
            assert (reply.raw, reply.usage, reply.finish) == ("re: hello", USAGE, "stop")
            assert ledger.get() == {("", "writer"): USAGE}
            cache.close()

    virtually(work())
    assert len(transport.sent) == 1
    assert (paid.total.calls, paid.total.cached) == (1, 2)
    assert (tmp_path / "deep" / "replies.sqlite").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "deep").stat().st_mode & 0o777 == 0o700


def test_parameters_repeat_and_schema_tell_asks_apart(tmp_path: Path) -> None:
    transport, cache = FakeTransport(), ReplyCache(tmp_path / "r")
    asks = [ask(), ask(repeat=1), ask(reply_schema={"type": "object"}), ask(parameters={"temperature": 1}), ask()]

    async def work() -> None:
        for asked in asks:
            await model(transport, cache).complete(asked)

    virtually(work())
    assert len(transport.sent) == 4
    cache.close()


def test_equal_asks_in_flight_are_one_call(tmp_path: Path) -> None:
    transport, cache, paid = FakeTransport(), ReplyCache(tmp_path / "r"), Paid()

    async def work() -> None:
        both = [model(transport, cache, paid=paid), model(transport, cache, paid=paid)]
        tasks = [asyncio.create_task(both[n % 2].complete(ask())) for n in range(6)]
        await asyncio.sleep(0.1)
        tasks[0].cancel()  # the first goes away; the call goes on for the others
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(done[0], asyncio.CancelledError)
        assert all(isinstance(reply, Reply) for reply in done[1:])

    virtually(work())
    assert (len(transport.sent), paid.total.shared) == (1, 5)
    cache.close()


def test_a_call_that_nobody_waits_for_is_broken_off() -> None:
    transport, limiter = FakeTransport(5), Limiter(2)

    async def work() -> None:
        one = model(transport, None, limiter=limiter)
        tasks = [asyncio.create_task(one.complete(ask())) for _ in range(3)]
        await asyncio.sleep(1)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert (transport.in_flight, limiter.in_flight) == (0, 0)
        await one.complete(ask())

    virtually(work())
    assert len(transport.sent) == 2


def test_an_error_reaches_all_and_is_not_kept(tmp_path: Path) -> None:
    transport = FakeTransport(0.1, lambda n: ServerFault("500") if n < 6 else None)
    cache = ReplyCache(tmp_path / "r")

    async def work() -> None:
        one = model(transport, cache)
        done = await asyncio.gather(one.complete(ask()), one.complete(ask()), return_exceptions=True)
        assert all(isinstance(error, ModelError) for error in done)
        await one.complete(ask())

    virtually(work())
    assert len(transport.sent) == 7
    cache.close()


def test_the_oldest_of_those_who_share_a_call_gives_it_its_turn() -> None:
    transport = FakeTransport(0.1)

    async def work() -> None:
        one = model(transport, None, limiter=Limiter(1))

        async def draw(number: int, text: str) -> None:
            as_draw(number)
            await one.complete(ask(text))

        tasks = [asyncio.create_task(draw(n, t)) for n, t in ((0, "first"), (5, "five"), (9, "shared"))]
        await asyncio.sleep(0.05)
        tasks.append(asyncio.create_task(draw(1, "shared")))
        await asyncio.gather(*tasks)

    virtually(work())
    assert [text for _, text in transport.sent] == ["first", "shared", "five"]


def test_replay_calls_nothing(tmp_path: Path) -> None:
    transport, cache = FakeTransport(), ReplyCache(tmp_path / "r")

    async def work() -> None:
        await model(transport, cache).complete(ask())
        assert (await model(transport, cache, replay=True).complete(ask())).raw == "re: hello"
        with pytest.raises(UsageError, match="run without --replay"):
            await model(transport, cache, replay=True).complete(ask("other"))

    virtually(work())
    assert len(transport.sent) == 1
    cache.close()


def stored(path: Path) -> None:
    cache = ReplyCache(path)
    for number in range(200):
        cache.put(str(number), "m", Reply(value="v", raw="v" * 500, usage=USAGE))
    cache.close()


@pytest.mark.parametrize("stamped", [True, False])
def test_a_damaged_cache_is_moved_aside(tmp_path: Path, stamped: bool) -> None:
    path, said = tmp_path / "r", list[str]()
    stored(path)
    content = bytearray(path.read_bytes())
    if not stamped:  # as it was before caches bore a number
        content[68:72] = bytes(4)
    content[len(content) // 2 :] = b"no database at all" * (len(content) // 36)
    path.write_bytes(content)
    cache = ReplyCache(path, said.append)
    for number in range(200):
        cache.get(str(number))
    cache.put("k", "m", Reply(value="v", raw="v", usage=USAGE))
    assert cache.get("k")
    assert "damaged" in said[0]
    assert (tmp_path / "r.damaged-1").exists()
    cache.close()


def database(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as db:
        for statement in statements:
            db.execute(statement)
        db.commit()


FOREIGN = {
    "text": lambda path: path.write_text("the only copy\n" * 50),
    "short": lambda path: path.write_bytes(b"x"),
    "cut header": lambda path: path.write_bytes(b"SQLite format 3"),
    "tables": lambda path: database(path, "CREATE TABLE done (key TEXT)"),
    "log": lambda path: database(path, "PRAGMA journal_mode=WAL", "CREATE TABLE done (key TEXT)"),
    "same name": lambda path: database(path, "CREATE TABLE replies (x)", "CREATE TABLE notes (y)"),
    "more": lambda path: (stored(path), database(path, "PRAGMA application_id=0", "CREATE TABLE mine (x)")),
    "number": lambda path: (stored(path), database(path, "PRAGMA application_id=7")),
    "garbled": lambda path: path.write_bytes(b"SQLite format 3\0" + bytes(50) + b"garbled" * 1000),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_file_that_is_no_cache_is_refused_and_left_as_it_is(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "precious.jsonl"
    FOREIGN[kind](path)
    before = path.read_bytes(), path.stat().st_mtime_ns
    with pytest.raises(UsageError) as refused:
        ReplyCache(path)
    assert refused.value.exit_code == 2
    assert str(refused.value).startswith(f"{path}: this file is no cache of replies; it is left as it is; name another")
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert list(tmp_path.iterdir()) == [path]


def test_an_empty_file_becomes_a_cache(tmp_path: Path) -> None:
    path = tmp_path / "r"
    path.touch()
    stored(path)
    stored(path)
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_made_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="RAGSET_CACHE"):
        ReplyCache(tmp_path / "file" / "r")


def test_notes_and_text_that_is_no_unicode(tmp_path: Path) -> None:
    cache = ReplyCache(tmp_path / "r")
    cache.remember("mode", "tools")
    assert (cache.recall("mode"), cache.recall("none")) == ("tools", None)
    cache.put("k", "m", Reply(value="v", raw="broken \ud800 text", usage=USAGE))
    found = cache.get("k")
    assert found is not None
    assert found.raw == "broken \ufffd text"
    cache.close()


def test_a_commit_does_not_stall_the_loop(tmp_path: Path) -> None:
    cache, reply = ReplyCache(tmp_path / "r"), Reply(value="v", raw="v" * 2000, usage=USAGE)
    begun = time.perf_counter()
    for number in range(1000):
        cache.put(str(number), "m", reply)
    assert time.perf_counter() - begun < 1.0
    cache.close()


CHILD = """
import sys
from pathlib import Path
from ragset.adapters.models.reply_cache import ReplyCache
from ragset.schema.ports import Reply
cache, name = ReplyCache(Path(sys.argv[1])), sys.argv[2]
for number in range(int(sys.argv[3])):
    cache.put(f"{name}{number}", "m", Reply(value="v", raw=f"{name}{number}"))
    print(number, flush=True)
"""


def child(path: Path, name: str, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CHILD, str(path), name, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_what_was_committed_before_a_kill_is_found(tmp_path: Path) -> None:
    with child(tmp_path / "r", "a", 10**6) as process:
        assert process.stdout
        for line in process.stdout:
            if int(line) == 300:
                os.kill(process.pid, signal.SIGKILL)
                break
        last = max([300, *(int(line) for line in process.stdout if line.endswith("\n"))])
    cache = ReplyCache(tmp_path / "r")
    assert all(cache.get(f"a{number}") for number in range(last + 1))
    cache.close()


def test_two_processes_share_a_file(tmp_path: Path) -> None:
    with child(tmp_path / "r", "a", 500) as one, child(tmp_path / "r", "b", 500) as two:
        one.communicate(timeout=60)
        two.communicate(timeout=60)
        assert (one.returncode, two.returncode) == (0, 0)
    cache = ReplyCache(tmp_path / "r")
    assert all(cache.get(f"{name}{number}") for name in "ab" for number in range(500))
    cache.close()
