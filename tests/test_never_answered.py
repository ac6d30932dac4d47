"""A server that refuses: what each known wording means, and that one that never answered ends the run early."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml

from pacing_support import FakeTransport, as_draw, ask, paced
from ragset.adapters.models.budget import Budget
from ragset.adapters.models.limiter import Limiter
from ragset.adapters.models.llama_index_model import LlamaIndexTransport
from ragset.adapters.models.outage import GIVEN_UP
from ragset.adapters.models.pacing import PacedModel
from ragset.adapters.models.refusals import REFUSED
from ragset.adapters.models.tokens import count_messages
from ragset.adapters.models.transport import RateLimited, ServerFault, TimedOut
from ragset.errors import ContextError, ModelError, ModelSetupError, ReplyError
from ragset.kit.replies import complete_typed
from ragset.schema.models import ModelChoice
from ragset.schema.ports import Ask, Reply
from ragset.schema.samples import Usage
from support.asking import asking_flow
from support.runs import report, rows, stand_alone
from support.scripted_server import ModelServer
from support.wire import Answer
from test_faults import Place, flow_file, refused
from test_llama_index_model import KEY as LLAMA_KEY
from test_llama_index_model import Broken, StatusError, choice
from test_providers import ASK, KEY, chat, opened, wire
from virtual_time import virtually


def error(message: str, kind: str = "invalid_request_error", code: Any = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


MISTRAL = {"object": "error", "message": "Invalid model: nope", "type": "invalid_model", "param": None, "code": "1500"}
NO_MODEL = [
    MISTRAL,
    {"error": {"message": "tools/x is not a valid model ID", "code": 400}, "user_id": "user_x"},
    error("The requested model 'x/y' is not supported by any provider you have enabled.", code="model_not_supported"),
    {"error": 'Invalid model identifier "x". Please specify a valid downloaded model.'},
    error("Model Not Exist", code="invalid_request_error"),
    error(
        "Unable to access non-serverless model x/y. Please visit https://api.together.ai", code="model_not_available"
    ),
    error("Invalid model 'x'. Permitted models can be found in the documentation", "invalid_model", 400),
    error(
        "{'error': '/chat/completions: Invalid model name passed in model=x. Call `/v1/models` to view'}", "None", "400"
    ),
    error("The model `x` has been decommissioned and is no longer supported.", code="model_decommissioned"),
    error("The model does not support Chat Completions API"),
    error("The model `x` does not exist or you do not have access to it."),
    error("invalid model ID"),
    error("The provided model identifier is invalid."),
]
BAD_KEY = [
    [
        {
            "error": {
                "code": 400,
                "message": "API key not valid. Please pass a valid API key.",
                "status": "INVALID_ARGUMENT",
            }
        }
    ],
    {"code": "Client specified an invalid argument", "error": "Incorrect API key provided: sk***yz. See console.x.ai."},
    error("Authentication Error, No api key passed in.", "auth_error", "400"),
    error("API key expired. Please renew the API key."),
]
ITS_OWN = [
    (
        400,
        error("The response was filtered due to the prompt triggering Azure's policy", code="content_filter"),
        "filter",
    ),
    (
        400,
        error("As of transformers v4.44, default chat template is no longer allowed", "BadRequestError", 400),
        "chat",
    ),
    (413, b"<html><head><title>413 Request Entity Too Large</title></head></html>", "Too Large"),
    (400, error("a word in messages[0] is odd: this model makes no key of it"), "odd"),
]


@pytest.mark.parametrize("status", [400, 404, 422])
@pytest.mark.parametrize("body", NO_MODEL, ids=lambda body: str(body)[:40])
async def test_that_there_is_no_such_model_ends_the_run_whatever_the_status(status: int, body: Any) -> None:
    async with wire(lambda _: (status, {}, body)) as server, opened(server.url, "compatible") as one:
        with pytest.raises(
            ModelSetupError, match=rf"not found at http.*\({status}\): .*; check the name: ragset models"
        ):
            await one.send(ASK)
    assert len(server.log) == 1


@pytest.mark.parametrize("body", BAD_KEY, ids=lambda body: str(body)[:40])
async def test_a_bad_key_is_one_also_where_the_request_is_blamed(body: Any) -> None:
    async with wire(lambda _: (400, {}, body)) as server, opened(server.url) as one:
        with pytest.raises(ModelSetupError, match=r"the key is refused \(400\); check OPENAI_API_KEY$"):
            await one.send(ASK)


@pytest.mark.parametrize(("status", "body", "says"), ITS_OWN)
async def test_any_other_refusal_is_at_first_its_questions_own(status: int, body: Any, says: str) -> None:
    async with wire(lambda _: (status, {}, body)) as server, opened(server.url) as one:
        with pytest.raises(ModelError, match=says):
            await one.send(ASK)


BARRED = [
    (error("Project `proj_abc` does not have access to model `gpt-4o`", code="model_not_found"), "access", "gpt-4o` ·"),
    (error("Country, region, or territory not supported", "request_forbidden"), "access", "Country, region"),
    ({"error": "This authentication method does not have sufficient permissions"}, "access", "sufficient permissions"),
    (b"<!DOCTYPE html><html><title>Just a moment...</title><body>cloudflare</body></html>", "access", "Just a moment"),
    ({}, "access", "access is refused (403); see what"),
    (error("Your API key was reported as leaked. Please use another API key."), "the key", "reported as leaked"),
    (error(f"the key {KEY} may not do this, nor may sk-...wxyz or sk-test***wxyz"), "the key", "the key *** may not"),
]


@pytest.mark.parametrize(("body", "what", "says"), BARRED)
async def test_what_a_server_says_of_a_403_is_shown_and_the_key_blamed_only_where_it_speaks_of_one(
    body: Any, what: str, says: str
) -> None:
    async with wire(lambda _: (403, {}, body)) as server, opened(server.url) as one:
        with pytest.raises(ModelSetupError) as caught:
            await one.send(ASK)
    line = str(caught.value)
    assert f": {what} is refused (403)" in line
    assert says in line
    assert ("check OPENAI_API_KEY" in line) == (what == "the key")
    assert "wxyz" not in line


@pytest.mark.parametrize(
    ("status", "message", "says"),
    [
        (401, f"bad key {LLAMA_KEY}", r"the key is refused \(401\); check the object's key"),
        (
            403,
            "Country, region, or territory not supported",
            r"access is refused \(403\): .*Country, region.*; see what",
        ),
        (
            403,
            f"this key may not: {LLAMA_KEY}",
            r"the key is refused \(403\): .*may not: \*\*\*; check the object's key",
        ),
    ],
)
async def test_a_llama_index_object_blames_the_key_no_more_often(status: int, message: str, says: str) -> None:
    with pytest.raises(ModelSetupError, match=says):
        await LlamaIndexTransport(Broken(error=StatusError(status, message)), choice()).send(ask())


def misread(message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "code": "json_validate_failed", **more}}


GROQ = "Failed to generate JSON. Please adjust your prompt. See 'failed_generation' for more details."
STRICT = (
    "Generated JSON does not match the expected schema. See 'failed_generation' for more details. Error: jsonschema"
)


@pytest.mark.parametrize(
    ("body", "raw", "finish"),
    [
        (misread(GROQ, failed_generation='{"pairs": ['), '{"pairs": [', "stop"),
        (misread(STRICT, failed_generation='{"pears": []}'), '{"pears": []}', "stop"),
        (misread("max completion tokens reached before a valid document", failed_generation=""), "", "length"),
        (misread(GROQ), "", "stop"),
    ],
)
async def test_a_reply_that_the_server_itself_could_not_read_is_a_reply(body: Any, raw: str, finish: str) -> None:
    async with wire(lambda _: (400, {}, body)) as server, opened(server.url, "compatible") as one:
        budget = Budget()
        reply = await PacedModel(one, ModelChoice(model="compatible:m"), Limiter(1), budget).send(ASK)
        assert one.modes.current == "json_schema"  # type: ignore[attr-defined]
    assert budget.spent[1] == count_messages(ASK.messages) + 77, "what it cost is not known: all that was reserved"
    assert (reply.raw, reply.finish, reply.usage) == (raw, finish, Usage(calls=1))


@pytest.mark.parametrize("finish", ["content_filter", "content_filter: SAFETY", "RECITATION"])
async def test_a_reply_that_the_service_kept_back_says_so_and_is_asked_for_again(finish: str) -> None:
    kept_back = chat("")
    kept_back["choices"][0]["finish_reason"] = finish
    answers = [kept_back, kept_back, kept_back, kept_back, chat()]
    async with wire(lambda _: (200, {}, answers.pop(0))) as server, opened(server.url, "compatible") as one:
        model = PacedModel(one, ModelChoice(model="compatible:m"), Limiter(4), Budget())
        with pytest.raises(ReplyError) as caught:
            await complete_typed(_Port(model), ASK)
        assert f"the reply is empty: the service kept it back (finish_reason: {finish})" in str(caught.value)
        assert "use a model or service whose filter lets such texts through" in str(caught.value)
        assert (await complete_typed(_Port(model), ASK)).value["question"] == "Why?"
    assert len(server.log) == 5


class _Port:
    """The model port over what is paced."""

    name, fingerprint = "compatible:m", "m"

    def __init__(self, model: PacedModel) -> None:
        self._model = model

    async def complete(self, asked: Ask) -> Reply:
        return await self._model.send(asked)


async def test_a_name_that_a_hosted_service_does_not_list_is_said_and_ends_nothing() -> None:
    listed = {"data": [{"id": "mistral-small-latest"}, {"id": "vendor/some-model"}, {"id": "models/gemini-x"}]}
    said: list[str] = []
    async with wire(lambda request: (200, {}, listed if request.method == "GET" else chat())) as server:
        for name, known in (("nope", False), ("mistral-small-latest:free", True), ("some-model", True),
                            ("Gemini-X", True), ("mistral-small", True), ("vendor/some-model@p", True)):  # fmt: skip
            async with opened(server.url, "mistral") as one:
                one._model = name  # type: ignore[attr-defined]
                await one.check()
                PacedModel(one, ModelChoice(model="m:m"), Limiter(1), Budget(), said.append)
            assert bool(said) != known, name
            assert all(f"mistral:{name}: not in the list of models at {server.url}" in line for line in said)
            said.clear()


class Refusing(FakeTransport):
    """Refuses the questions that ``refuses`` names, sooner than it answers the others."""

    def __init__(self, refuses: Callable[[str], Exception | None]) -> None:
        super().__init__(5.0)
        self.refuses = refuses

    async def send(self, asked: Ask) -> Reply:
        if why := self.refuses(asked.messages[0].content):
            self.sent.append((asyncio.get_running_loop().time(), asked.messages[0].content))
            await asyncio.sleep(0.05)
            raise why
        return await super().send(asked)


NO = ModelError("the request is refused (400): no", where="fake:model")


async def ends_of(model: PacedModel, asks: list[Ask]) -> list[Any]:
    return await asyncio.gather(*(model.send(one) for one in asks), return_exceptions=True)


@pytest.mark.parametrize("error", [NO, ContextError("the prompt does not fit", hint="use smaller chunks")])
@pytest.mark.parametrize("most", [1, 4, 64])
def test_a_server_that_refuses_all_questions_is_left_after_a_handful(error: ModelError, most: int) -> None:
    transport = Refusing(lambda _: error)
    ends = virtually(ends_of(paced(transport, Limiter(most)), [ask(str(n), purpose="write") for n in range(300)]))
    assert {type(end) for end in ends} == {ModelSetupError}, "also those that were refused first: nothing is their own"
    assert len(transport.sent) <= REFUSED + most
    assert f"questions (write) was answered: {error.what}; {error.hint or 'check the model'}" in str(ends[0])


def test_questions_asked_one_by_one_are_counted_too() -> None:
    async def work() -> list[type]:
        model = paced(Refusing(lambda _: NO))
        return [type((await ends_of(model, [ask(str(n))]))[0]) for n in range(REFUSED + 2)]

    assert virtually(work()) == [ModelError] * (REFUSED - 1) + [ModelSetupError] * 3


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_refusals_that_come_sooner_than_the_answers_end_no_run(share: float) -> None:
    poison = {str(n) for n in range(200) if Random(n).random() < share}
    transport = Refusing(lambda text: NO if text in poison else None)
    ends = virtually(ends_of(paced(transport), [ask(str(n)) for n in range(200)]))
    assert {str(n) for n, end in enumerate(ends) if end is NO} == poison
    assert sum(isinstance(end, Reply) for end in ends) == 200 - len(poison)


def test_what_is_refused_after_a_good_answer_is_its_questions_own_however_much_it_is() -> None:
    async def work() -> list[Any]:
        model = paced(Refusing(lambda text: None if text == "good" else NO))
        await model.send(ask("good"))
        return await ends_of(model, [ask(str(n)) for n in range(100)])

    assert set(map(type, virtually(work()))) == {ModelError}


def test_a_good_answer_for_one_purpose_proves_nothing_for_another() -> None:
    async def work() -> tuple[list[Any], list[Any]]:
        model = paced(Refusing(lambda text: NO if text.startswith("judge") else None))
        write = [ask(f"write {n}", purpose="write") for n in range(50)]
        judge = [ask(f"judge {n}", purpose="judge") for n in range(50)]
        return await ends_of(model, write), await ends_of(model, judge)

    written, judged = virtually(work())
    assert all(isinstance(end, Reply) for end in written)
    assert {type(end) for end in judged} == {ModelSetupError}


def test_fewer_questions_than_that_fail_by_themselves() -> None:
    ends = virtually(ends_of(paced(Refusing(lambda _: NO)), [ask(str(n)) for n in range(GIVEN_UP - 1)]))
    assert ends == [NO] * (GIVEN_UP - 1)


def test_a_handful_that_is_all_that_is_asked_ends_the_run() -> None:
    ends = virtually(ends_of(paced(Refusing(lambda _: NO), Limiter(1)), [ask(str(n)) for n in range(GIVEN_UP)]))
    assert {type(end) for end in ends} == {ModelSetupError}


FAULTS = [RateLimited("429", retry_after=1), ServerFault("the server failed (502)"), TimedOut("no answer within 9 s")]


@pytest.mark.parametrize("fault", FAULTS)
def test_refusals_among_faults_leave_nobody_waiting(fault: Exception) -> None:
    for share in (0.1, 0.5, 0.9):
        transport = Refusing(lambda text, share=share: NO if Random(text).random() < share else fault)
        ends = virtually(ends_of(paced(transport, deadline=60), [ask(str(n)) for n in range(100)]))
        assert all(isinstance(end, Exception) for end in ends)


def test_the_many_questions_of_one_draw_are_that_draws_alone() -> None:
    async def work() -> list[Any]:
        model = paced(Refusing(lambda text: NO if text.startswith("long") else None))
        as_draw(1)
        first = await ends_of(model, [ask(f"long {n}") for n in range(3 * REFUSED)])
        as_draw(2)
        return first + await ends_of(model, [ask("short")])

    *first, last = virtually(work())
    assert set(map(type, first)) == {ModelError}
    assert isinstance(last, Reply)


def test_cancelling_leaves_nobody_waiting() -> None:
    async def work() -> list[Any]:
        model = paced(Refusing(lambda text: NO if int(text) < 40 else None), Limiter(12))
        asks = [asyncio.create_task(model.send(ask(str(n)))) for n in range(100)]
        await asyncio.sleep(0.06)  # twelve are refused, and nothing more is sent
        for task in asks[5:]:
            task.cancel()
        return await asyncio.gather(*asks, return_exceptions=True)

    ends = virtually(work())
    assert all(isinstance(end, (ModelError, ModelSetupError)) for end in ends[:5])


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder in which a run stands alone, with shorter waits."""
    stand_alone(monkeypatch, tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    from ragset import api

    found = Place(tmp_path_factory.mktemp("never"))
    api.ingest(found.corpus, "tools", indexes=found.indexes, embedder="hash")
    return found


def refuse_with(server: ModelServer, status: int, body: Any, when: Callable[[int], bool] = lambda n: True) -> None:
    """Let a server answer posts so, until :func:`mend`."""
    seen = server.engine.handle

    def handle(request: Any) -> Any:
        answer = seen(request)
        n = len(server.engine.log)
        return Answer(status, body, done=answer.done) if request.method == "POST" and when(n) else answer

    server.engine.handle = handle  # type: ignore[method-assign]


def mend(server: ModelServer) -> None:
    del server.engine.handle
    server.reset()


REFUSES = {
    "template": (400, error("default chat template is no longer allowed"), "default chat template is no longer"),
    "nginx": (413, b"<html><title>413 Request Entity Too Large</title></html>", "413 Request Entity Too Large"),
    "context": (400, error("This model's maximum context length is 9 tokens"), "use smaller chunks"),
}


@pytest.mark.parametrize("case", REFUSES)
def test_the_same_command_makes_the_same_set_once_the_server_takes_questions(
    case: str, place: Place, home: Path, model_server: ModelServer
) -> None:
    status, body, says = REFUSES[case]
    assert place.build(home / "clean", url=model_server.url, n=12).exit_code == 0
    model_server.reset()
    refuse_with(model_server, status, body)
    line = refused(place.build(home, url=model_server.url, n=12), 2)
    assert "questions (write) was answered: " in line
    assert says in line
    assert len(model_server.log) <= 50
    mend(model_server)
    assert place.build(home, url=model_server.url, n=12).exit_code == 0
    assert rows(home) == rows(home / "clean")
    assert report(home)["draws"]["failed"] == 0


def test_an_unknown_model_that_is_called_a_bad_request_ends_the_run_at_its_first_call(
    place: Place, home: Path, model_server: ModelServer
) -> None:
    refuse_with(model_server, 400, MISTRAL)
    line = refused(place.build(home, url=model_server.url, n=12), 2)
    assert "(400): Invalid model: nope" in line
    assert "check the name: ragset models" in line
    assert len(model_server.log) <= 8


def test_a_judge_that_refuses_all_costs_the_writer_little(place: Place, home: Path, model_server: ModelServer) -> None:
    with ModelServer() as judge:
        refuse_with(judge, 422, {"detail": "odd"})
        models = {"writer": {"model": "compatible:w", "base_url": model_server.url, "concurrency": 4}}
        models["answerer"] = models["writer"]
        models["judge"] = {"model": "compatible:j", "base_url": judge.url}
        path = home / "two.yaml"
        path.write_text(yaml.safe_dump(asking_flow().dump() | {"models": models}, sort_keys=False), "utf-8")
        line = refused(place.build(home, "--flow", path, n=100), 2)
        assert line.startswith("error: compatible:j: none of ")
        assert "the request is refused (422): odd" in line
        assert len(judge.log) <= 50
        mend(judge)
        assert place.build(home, "--flow", path, n=4).exit_code == 0


def test_draws_whose_replies_the_server_could_not_read_are_asked_again(
    place: Place, home: Path, model_server: ModelServer
) -> None:
    assert place.build(home / "clean", url=model_server.url, n=12).exit_code == 0
    model_server.reset()
    seen = model_server.engine.handle

    def handle(request: Any) -> Any:
        answer = seen(request)
        body = json.loads(request.body) if request.method == "POST" else {"messages": ()}
        first = 0 < len(body["messages"]) <= 2
        if first and Random(request.body).random() < 0.4:
            return Answer(400, misread(GROQ, failed_generation='{"pairs": ['), done=answer.done)
        return answer

    model_server.engine.handle = handle  # type: ignore[method-assign]
    assert place.build(home, url=model_server.url, n=12).exit_code == 0
    found = report(home)
    assert (found["kept"], found["draws"]["failed"], found["failures"]) == (12, 0, {})
    assert any(len(record["body"]["messages"]) > 2 for record in model_server.log)


def test_a_service_that_keeps_every_reply_back_is_not_called_weak(
    place: Place, home: Path, model_server: ModelServer
) -> None:
    kept_back = {"choices": [{"finish_reason": "content_filter", "message": {"role": "assistant", "content": ""}}]}
    refuse_with(model_server, 200, kept_back)
    flow = flow_file(home, model_server.url, concurrency=4)
    line = refused(place.build(home, "--flow", flow, n=12), 2)
    assert "got a reply that can be read: the reply is empty: the service kept it back (finish_reason: content" in line
    assert "use a model or service whose filter" in line
    assert "weak" not in line
