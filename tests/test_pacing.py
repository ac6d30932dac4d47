"""One ask to its end: retries, deadlines, what is counted, and how close the token estimate is."""

import asyncio
from pathlib import Path

import pytest

from pacing_support import FakeTransport, ask, paced
from ragset.adapters.models.budget import Budget
from ragset.adapters.models.limiter import Limiter
from ragset.adapters.models.pacing import RateLimitedError, RequestTimeoutError, ServerBrokenError
from ragset.adapters.models.paid import Counts
from ragset.adapters.models.tokens import Calibration, count_tokens
from ragset.adapters.models.transport import Disconnected, ModeRefused, RateLimited, ServerFault, TimedOut
from ragset.errors import ContextError, ModelSetupError, UnreachableError
from virtual_time import virtually


@pytest.mark.parametrize("fault", [ServerFault("500"), TimedOut("slow"), Disconnected("broke"), RateLimited("429")])
def test_what_may_pass_is_tried_again(fault: Exception) -> None:
    transport, counts = FakeTransport(0.1, lambda n: fault if n < 3 else None), Counts()
    reply = virtually(paced(transport).send(ask(), counts))
    assert reply.raw == "re: hello"
    assert (counts.calls, counts.retries, counts.unbilled, transport.most) == (4, 3, 3, 1)


@pytest.mark.parametrize(
    ("fault", "error"), [(ServerFault("500"), ServerBrokenError), (TimedOut("slow"), RequestTimeoutError)]
)
def test_what_does_not_pass_is_given_up_after_six_tries(fault: Exception, error: type[Exception]) -> None:
    transport = FakeTransport(0.1, lambda n: fault)
    with pytest.raises(error, match="6 tries"):
        virtually(paced(transport).send(ask()))
    assert len(transport.sent) == 6


def test_a_wait_beyond_the_deadline_is_not_begun() -> None:
    transport = FakeTransport(0.1, lambda n: RateLimited("slow down", retry_after=900))
    with pytest.raises(RateLimitedError, match="asks to wait 900 s"):
        virtually(paced(transport).send(ask()))
    assert len(transport.sent) == 1


def test_a_wait_beyond_the_deadline_fails_its_ask_at_once_and_holds_up_no_other() -> None:
    async def work() -> tuple[list[object], float]:
        transport = FakeTransport(0.1, lambda n: RateLimited("slow down", retry_after=900) if n == 0 else None)
        model = paced(transport, Limiter(1))
        asks = [asyncio.create_task(model.send(ask(str(n)))) for n in range(5)]
        return await asyncio.gather(*asks, return_exceptions=True), asyncio.get_running_loop().time()

    (refused, *others), took = virtually(work())
    assert isinstance(refused, RateLimitedError)
    assert "asks to wait 900 s, the deadline of 600 s would pass" in str(refused)
    assert "raise deadline" in str(refused)
    assert [reply.raw for reply in others] == [f"re: {n}" for n in range(1, 5)]  # type: ignore[attr-defined]
    assert took == pytest.approx(0.5)


def test_a_wait_that_one_ask_has_no_time_left_for_is_kept_by_the_next() -> None:
    async def work() -> list[float]:
        transport = FakeTransport(0.1, lambda n: RateLimited("slow down", retry_after=40) if n < 2 else None)
        model = paced(transport, Limiter(4), deadline=60)
        with pytest.raises(RateLimitedError, match="asks to wait 40 s, the deadline of 60 s would pass"):
            await model.send(ask("first"))
        await model.send(ask("second"))
        return [at for at, _ in transport.sent]

    assert virtually(work()) == pytest.approx([0, 40.1, 80.2])


def test_refusals_end_at_the_deadline() -> None:
    async def work() -> float:
        with pytest.raises(RateLimitedError, match="deadline"):
            await paced(FakeTransport(0.1, lambda n: RateLimited("429")), deadline=60).send(ask())
        return asyncio.get_running_loop().time()

    assert virtually(work()) <= 61


def test_another_way_of_asking_is_tried_at_once_and_counted() -> None:
    transport = FakeTransport(0.1, lambda n: ModeRefused("no schema") if n < 2 else None)
    budget = Budget(max_calls=3)
    virtually(paced(transport, budget=budget).send(ask()))
    assert [at for at, _ in transport.sent] == pytest.approx([0, 0.1, 0.2])
    assert budget.spent[0] == 3


def test_a_server_that_never_answered_is_not_tried_for_long() -> None:
    transport = FakeTransport(0, lambda n: Disconnected("refused"))
    with pytest.raises(UnreachableError, match="is the server running"):
        virtually(paced(transport).send(ask()))
    assert len(transport.sent) == 4


def test_a_server_that_goes_away_ends_the_run() -> None:
    async def work() -> None:
        transport = FakeTransport(0.1, lambda n: Disconnected("gone") if n else None)
        model = paced(transport)
        await model.send(ask())
        with pytest.raises(UnreachableError):
            await asyncio.gather(*(model.send(ask(str(n))) for n in range(200)))

    virtually(work())


def test_a_request_that_hangs_is_broken_off() -> None:
    transport = FakeTransport(1e9)
    with pytest.raises(RequestTimeoutError, match="no answer within 2 s"):
        virtually(paced(transport, timeout=2).send(ask()))
    assert transport.in_flight == 0


def test_a_wrong_key_is_not_tried_again() -> None:
    transport = FakeTransport(0.1, lambda n: ModelSetupError("wrong key"))
    with pytest.raises(ModelSetupError):
        virtually(paced(transport).send(ask()))
    assert len(transport.sent) == 1


def test_a_prompt_that_does_not_fit_is_not_sent() -> None:
    transport = FakeTransport()
    with pytest.raises(ContextError, match="do not fit its context of 300"):
        virtually(paced(transport, context=300).send(ask("word " * 400)))
    assert not transport.sent


def test_cancelling_leaves_no_slot_and_no_reservation() -> None:
    async def work() -> tuple[int, tuple[float, float, float]]:
        limiter, budget = Limiter(4), Budget(max_calls=100)
        model = paced(FakeTransport(5), limiter, budget)
        tasks = [asyncio.create_task(model.send(ask(str(n)))) for n in range(50)]
        await asyncio.sleep(1)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(1)
        await model.send(ask("after"))
        return limiter.in_flight, budget.spent

    in_flight, spent = virtually(work())
    assert in_flight == 0
    assert spent[0] == 5  # four had been sent


SCRIPTS = {
    "ro": ("Toate ființele umane se nasc libere și egale în demnitate și în drepturi.", 26),
    "ru": ("Все люди рождаются свободными и равными в своем достоинстве и правах.", 33),
    "zh": ("《红楼梦》是中国古典四大名著之一，作者曹雪芹。", 31),
    "de": ("Alle Menschen sind frei und gleich an Würde und Rechten geboren.", 16),
}


@pytest.mark.parametrize("script", SCRIPTS)
def test_other_scripts_are_not_far_off(script: str, tmp_path: Path) -> None:
    text, _ = SCRIPTS[script]
    assert 0.65 <= count_tokens(text) / _real(text) <= 1.6


def test_the_manual_is_counted_to_a_sixth() -> None:
    texts = [path.read_text("utf-8") for path in sorted(Path("corpora/guide").glob("*.md"))]
    ratios = [count_tokens(text) / _real(text) for text in texts]
    assert min(ratios) >= 0.9
    assert max(ratios) <= 1.17


def _real(text: str) -> int:
    """Count with the tokenizer that llama-index brings, without a network."""
    import os

    import llama_index.core as core
    import tiktoken

    os.environ.setdefault("TIKTOKEN_CACHE_DIR", str(Path(core.__file__).parent / "_static" / "tiktoken_cache"))
    return len(tiktoken.get_encoding("cl100k_base").encode(text, disallowed_special=()))


def test_what_a_server_bills_corrects_the_estimate() -> None:
    calibration = Calibration()
    for _ in range(4):
        calibration.observe(100, 130)
    assert calibration.corrected(1000) == 1000
    calibration.observe(100, 130)
    assert calibration.corrected(1000) == 1300
