"""A server that gives nothing but faults: how little it is asked, what is said meanwhile, and how the run ends."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from random import Random
from typing import Any, ClassVar

import pytest

from pacing_support import FakeTransport, ask, paced
from ragset.adapters.models import outage
from ragset.adapters.models.limiter import Limiter
from ragset.adapters.models.pacing import PacedModel, RateLimitedError, RequestTimeoutError, ServerBrokenError
from ragset.adapters.models.plain_words import why_failed
from ragset.adapters.models.transport import Disconnected, RateLimited, ServerFault, TimedOut
from ragset.errors import ModelError, ModelSetupError, UnreachableError
from ragset.flow.engine import run
from ragset.flow.keep import Keep
from ragset.schema.documents import Noun
from ragset.schema.ports import Ask, Reply
from ragset.schema.samples import Draw, QAPair, Sample
from ragset.schema.step import Map, Source, Tools
from support.faults import UNREADABLE
from support.runs import report, rows, stand_alone
from support.scripted_server import ModelServer
from support.wire import Answer
from test_faults import Place, flow_file, refused
from test_providers import ASK, chat, opened, wire
from virtual_time import virtually


async def all_of(model: PacedModel, count: int) -> tuple[list[Any], float]:
    """Ask so many questions at once, and give what came of each, and when all had ended."""
    asks = [asyncio.create_task(model.send(ask(str(n)))) for n in range(count)]
    return await asyncio.gather(*asks, return_exceptions=True), asyncio.get_running_loop().time()


BROKEN = ServerFault("the server failed (502): Bad Gateway")
LATE = TimedOut("no answer within 9 s")
DAY = RateLimited("too many requests: daily limit", retry_after=40_000)


@pytest.mark.parametrize(
    ("fault", "most", "says"),
    [
        (
            BROKEN,
            100,
            r"no answer to \d+ questions in a row: the server failed \(502\): Bad Gateway \(6 tries\); see what",
        ),
        (LATE, 100, r"no answer within 9 s \(6 tries\); see what holds the server up, or raise timeout"),
        (DAY, 40, r"daily limit \(the server asks to wait 40000 s, .*would pass\); ask again when that is over"),
    ],
)
@pytest.mark.parametrize("before", [0, 5])
def test_a_handful_of_questions_given_up_in_a_row_ends_the_run(
    fault: Exception, most: int, says: str, before: int
) -> None:
    transport = FakeTransport(0.1, lambda n: fault if n >= before else None)
    ends, _ = virtually(all_of(paced(transport), 300))
    gone = [end for end in ends if isinstance(end, UnreachableError)]
    own = 32 if before and fault is LATE else 0  # who was out while others were answered ran late by itself
    assert len(gone) >= 300 - before - own
    assert all(re.search(says, str(end)) for end in gone)
    assert all(str(end).startswith("fake:model http://127.0.0.1:1/v1: ") for end in gone)
    assert len(transport.sent) <= (2 if before else 1) * most + before


def test_it_is_said_after_some_seconds_and_once() -> None:
    for fault, line in (
        (BROKEN, r"fake:model: the server failed \(502\): Bad Gateway; trying again"),
        (RateLimited("too many requests", retry_after=20), "fake:model: too many requests; trying again in 20 s"),
    ):
        said: list[str] = []
        model = paced(FakeTransport(0.1, lambda n, fault=fault: fault if n < 40 else None), Limiter(4))
        model.outage.say = said.append
        virtually(all_of(model, 8))
        assert len(said) == 1
        assert re.fullmatch(line, said[0])


def test_what_passes_soon_is_not_spoken_of() -> None:
    said: list[str] = []
    model = paced(FakeTransport(0.1, lambda n: None if n % 3 else BROKEN))
    model.outage.say = said.append
    ends, _ = virtually(all_of(model, 50))
    assert not any(isinstance(end, Exception) for end in ends)
    assert not said


def test_a_question_that_the_server_breaks_on_is_that_questions_failure() -> None:
    class Picky(FakeTransport):
        async def send(self, asked: Any) -> Any:
            reply = await super().send(asked)
            if asked.messages[0].content in ("1", "9", "17"):
                raise BROKEN
            return reply

    ends, _ = virtually(all_of(paced(Picky(0.1), Limiter(2)), 40))
    assert {n: type(end) for n, end in enumerate(ends) if isinstance(end, Exception)} == dict.fromkeys(
        (1, 9, 17), ServerBrokenError
    )


@pytest.mark.parametrize(
    ("fault", "kind"), [(BROKEN, ServerBrokenError), (LATE, RequestTimeoutError), (DAY, RateLimitedError)]
)
def test_fewer_questions_than_that_fail_by_themselves(fault: Exception, kind: type) -> None:
    ends, _ = virtually(all_of(paced(FakeTransport(0.1, lambda n: fault)), outage.GIVEN_UP - 1))
    assert [type(end) for end in ends] == [kind] * (outage.GIVEN_UP - 1)


def test_faults_of_several_kinds_are_no_row_of_one() -> None:
    async def work() -> list[type]:
        model = paced(FakeTransport(0.1, [DAY, DAY, DAY, *[BROKEN] * 6, DAY].__getitem__))
        return [type(end) for count in (3, 1, 1) for end in (await all_of(model, count))[0]]

    assert virtually(work()) == [RateLimitedError] * 3 + [ServerBrokenError, RateLimitedError]


def test_throttling_ends_nothing() -> None:
    transport = FakeTransport(0.1, lambda n: RateLimited("429", retry_after=1) if n % 10 else None)
    ends, _ = virtually(all_of(paced(transport, deadline=100_000), 60))
    assert not any(isinstance(end, Exception) for end in ends)


def test_all_go_on_when_the_server_is_back() -> None:
    transport = FakeTransport(0.1, lambda n: BROKEN if n < 45 else None)
    ends, took = virtually(all_of(paced(transport), 200))
    assert sum(isinstance(end, Exception) for end in ends) < outage.GIVEN_UP
    assert took < 60


def test_cancelling_in_an_outage_leaves_nobody_waiting() -> None:
    async def work() -> tuple[int, list[Any]]:
        transport, limiter = FakeTransport(0.1, lambda n: BROKEN if n < 45 else None), Limiter(32)
        model = paced(transport, limiter)
        asks = [asyncio.create_task(model.send(ask(str(n)))) for n in range(100)]
        await asyncio.sleep(2)
        for task in asks[:90]:
            task.cancel()
        ends = await asyncio.gather(*asks, return_exceptions=True)
        return limiter.in_flight, ends[90:]

    in_flight, ends = virtually(work())
    assert in_flight == 0
    assert not any(isinstance(end, Exception) for end in ends)


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder in which a run stands alone, with shorter waits."""
    stand_alone(monkeypatch, tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    from ragset import api

    found = Place(tmp_path_factory.mktemp("outage"))
    api.ingest(found.corpus, "tools", indexes=found.indexes, embedder="hash")
    return found


@pytest.mark.parametrize("kind", ["500", "502_html", "503", "reset", "half_body"])
def test_a_server_that_only_breaks_ends_the_run_and_the_next_one_makes_the_same_set(
    kind: str, place: Place, home: Path, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outage, "GONE", 1.0)
    assert place.build(home / "clean", url=model_server.url, n=12).exit_code == 0
    model_server.reset()
    model_server.plan(shares={kind: 1.0}, retry_after=0.05)
    line = refused(place.build(home, url=model_server.url, n=12), 1)
    assert "questions in a row" in line or "cannot be reached" in line
    assert len(model_server.log) <= (300 if kind == "reset" else 60)
    model_server.plan(shares={})
    assert place.build(home, url=model_server.url, n=12).exit_code == 0
    assert rows(home) == rows(home / "clean")
    assert report(home)["draws"]["failed"] == 0


def test_a_daily_limit_in_the_middle_ends_the_run_and_keeps_what_is_finished(
    place: Place, home: Path, model_server: ModelServer
) -> None:
    seen = model_server.engine.handle

    def handle(request: Any) -> Any:
        if len(model_server.engine.log) == 60:
            model_server.plan(shares={"429": 1.0}, retry_after=40_000)
        return seen(request)

    model_server.engine.handle = handle  # type: ignore[method-assign]
    line = refused(place.build(home, "--concurrency", 4, url=model_server.url, n=12), 1)
    assert "the server asks to wait 40000 s" in line
    assert len(model_server.log) <= 60 + 4 * outage.GIVEN_UP
    assert rows(home)
    assert "in a row" in report(home)["ended"]


PAGE = b"\n<!DOCTYPE html><html><head><title>Welcome</title></head></html>"


async def test_an_address_that_gives_web_pages_is_refused_at_once() -> None:
    async with wire(lambda _: (200, {"content-type": "text/html"}, PAGE)) as server, opened(server.url) as one:
        for asked in (one.check(), one.send(ASK)):
            with pytest.raises(ModelSetupError, match="/v1 answers with a web page, not with JSON; check the base URL"):
                await asked


async def test_a_web_page_in_the_middle_is_a_fault_that_may_pass() -> None:
    answers: list[Any] = [chat(), PAGE, chat()]
    async with wire(lambda _: (200, {}, answers.pop(0))) as server, opened(server.url) as one:
        await one.send(ASK)
        with pytest.raises(ServerFault, match="is no JSON object"):
            await one.send(ASK)
        await one.send(ASK)


def test_an_address_that_gives_web_pages_is_refused_before_any_work(home: Path) -> None:
    with ModelServer() as server:
        server.engine.handle = lambda request: Answer(body=PAGE)  # type: ignore[method-assign]
        fresh = Place(home)
        line = refused(fresh.build(home / "run", url=server.url), 2)
    assert "answers with a web page" in line
    assert not fresh.indexes.exists()


@pytest.mark.parametrize("kind", UNREADABLE)
def test_a_model_that_never_says_anything_readable_is_left(
    kind: str, place: Place, home: Path, model_server: ModelServer
) -> None:
    model_server.plan(shares={kind: 1.0})
    flow = flow_file(home, model_server.url, reply_mode="json_object", concurrency=4)
    line = refused(place.build(home, "--flow", flow, n=50), 2)
    assert "compatible:scripted: none of 10 questions got a reply that can be read: the reply" in line
    assert ("is empty;" if kind == "empty" else "(it began '") in line
    assert "the model may be too weak: take another one, or set another reply_mode" in line
    assert len(model_server.log) <= 60
    if kind == "empty":  # mended, it is asked anew: what it said before is not in the cache
        model_server.plan(shares={})
        assert place.build(home, "--flow", flow, n=2).exit_code == 0


async def test_why_there_was_no_connection_is_said_in_plain_words() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    for base, says in (
        (f"http://127.0.0.1:{port}", rf"cannot reach http://127.0.0.1:{port}/v1: connection refused; start the server"),
        ("http://no-such-host.invalid", "/v1: name (not known|cannot be looked up now); start the server, or check"),
    ):
        async with opened(base) as one:
            with pytest.raises(Disconnected, match=says) as caught:
                await one.send(ASK)
        assert not re.search("ssl:|Errno|Connect call|host ", str(caught.value))


def test_why_a_connection_broke_is_said_in_plain_words() -> None:
    import aiohttp

    untrusted = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed")
    untrusted.verify_message = "self-signed certificate"
    plain = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number")
    plain.reason = "WRONG_VERSION_NUMBER"
    place: Any = None
    said = {
        aiohttp.ClientConnectorCertificateError(place, untrusted): "certificate not trusted: self-signed certificate",
        aiohttp.ClientConnectorSSLError(place, plain): "it speaks no TLS there (http, not https)",
        aiohttp.ClientOSError(104, "Connection reset by peer"): "connection reset by peer",
        aiohttp.ServerDisconnectedError(): "the server closed the connection",
        aiohttp.ClientPayloadError(
            "Response payload is not completed: <TransferEncodingError: 400>"
        ): "it is not complete",
    }
    assert {error: why_failed(error) for error in said} == said


class Numbered(Source):
    """Draws with one sample each."""

    name: ClassVar[str] = "numbered"
    gives: ClassVar[type[Noun] | None] = Sample

    async def draws(self, tools: Tools) -> AsyncIterator[Draw]:
        """Yield six hundred."""
        for at in range(600):
            pair = QAPair(question="Who?", answer="He.")
            yield Draw(
                number=at,
                samples=(Sample(id=str(at), scenario_id=str(at), payload=pair, contexts=(), evidence=()),),
            )


class Asks(Map):
    """Asks one question a draw."""

    name: ClassVar[str] = "asks"
    takes: ClassVar[type[Noun] | None] = Sample
    gives: ClassVar[type[Noun] | None] = Sample

    async def apply(self, item: Draw, tools: Tools) -> Draw:
        """Ask by the draw's number."""
        await tools.extras["model"].send(ask(str(item.number)))
        return item


@pytest.mark.parametrize("share", [0.03, 0.1, 0.2])
@pytest.mark.parametrize(
    "fault", [BROKEN, LATE, Disconnected("the connection broke", billed=True), ModelError("refused (400): no")]
)
def test_questions_that_always_fail_end_no_run_however_many_draws_wait_behind_them(
    fault: ModelError, share: float
) -> None:
    class Poisoned(FakeTransport):
        async def send(self, asked: Ask) -> Reply:
            reply = await super().send(asked)
            if Random(asked.messages[0].content).random() < share:
                raise fault
            return reply

    async def work() -> list[Draw]:
        tools = Tools(extras={"model": paced(Poisoned(0.05, lambda n: None))})
        stream = run([Numbered(), Asks(), Keep(n=300)], tools, window=64)
        async with aclosing(stream) as draws:
            return [draw async for draw in draws]

    done = virtually(work())
    kept = sum(sample.status == "kept" for draw in done for sample in draw.samples)
    failed = sum(draw.failure is not None or any(s.failure for s in draw.samples) for draw in done)
    assert kept == 300
    assert failed == pytest.approx(share * len(done), abs=0.5 * share * len(done) + 3)


def test_a_question_that_was_given_up_while_the_server_was_gone_is_asked_again_when_it_is_back() -> None:
    transport = FakeTransport(0.1, lambda n: BROKEN if n < 40 else None)
    model = paced(transport)
    ends, _ = virtually(all_of(model, 3))
    assert not any(isinstance(end, UnreachableError) for end in ends)
