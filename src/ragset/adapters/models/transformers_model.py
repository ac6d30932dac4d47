"""A language model in this process, by Hugging Face transformers: no server, no key, nothing downloaded.

One reply is generated at a time, in a thread of its own: two at once would only share the same cores. Decoding is
greedy without a temperature; with one, the draws come from a generator that is seeded by the whole ask, so that the
same ask gives the same text, whatever else runs. Where a schema is asked for, decoding is held to it (see
:mod:`ragset.adapters.models.schema_decoding`).
"""

from __future__ import annotations

import asyncio
import importlib.util
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakValueDictionary

from ragset.adapters.models import schema_decoding
from ragset.adapters.models.model_folder import ModelFolder, find_model
from ragset.adapters.models.modes import with_schema_told
from ragset.adapters.models.transport import TimedOut
from ragset.errors import ContextError, MissingExtraError, ModelError, ModelSetupError, did_you_mean
from ragset.schema.ids import digest
from ragset.schema.ports import Ask, Reply
from ragset.schema.samples import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ragset.adapters.models.schema_decoding import Guide
    from ragset.schema.models import ModelChoice

PARAMETERS = frozenset({"temperature", "top_p", "top_k", "min_p", "repetition_penalty", "seed", "max_tokens", "stop"})
"""What may stand among the parameters of a choice; anything else is refused, never dropped."""
MODES = ("json_schema", "text")
MAX_TOKENS = 1024
"""Longest reply where an ask names none."""
TAIL = 16
"""Tokens beyond a stop string's characters that are decoded to look for it."""


@dataclass(slots=True)
class _Generated:
    text: str
    finish: str
    prompt_tokens: int
    completion_tokens: int


@dataclass(slots=True)
class _Job:
    """One reply under way: until when it may take, whether it was given up, and what it is held to."""

    seconds: float
    given_up: threading.Event = field(default_factory=threading.Event)
    until: float = 0.0
    late: bool = False


class TransformersTransport:
    """A ``Transport`` to a model in this process; ``name`` is a folder, or a repository in the local cache."""

    def __init__(self, name: str, choice: ModelChoice) -> None:
        """Find the model and check the choice; weights are read at the first ask. Raises ``ModelSetupError``."""
        self._name, self._choice = name, choice
        if importlib.util.find_spec("transformers") is None:
            raise MissingExtraError("transformers", "transformers")
        _check(self.name, choice)
        self._folder = find_model(name)
        self._mark = self._folder.mark
        self._engine: _Engine | None = None

    @property
    def name(self) -> str:
        """``transformers:name``."""
        return f"transformers:{self._name}"

    @property
    def identity(self) -> tuple[str, ...]:
        """Provider, no URL, model, and a hash that tells other weights in the same place apart."""
        return ("transformers", "", self._name, self._mark)

    @property
    def context(self) -> int | None:
        """Tokens that prompt and reply may have together: what the model was made for, or less where so configured."""
        known = [n for n in (self._folder.context, self._choice.context) if n]
        return min(known, default=None)

    async def check(self) -> None:
        """Know nothing more than at opening."""

    async def send(self, ask: Ask) -> Reply:
        """Generate one reply; cancelling it, or its time-out, stops the generation at the next token.

        Raises ``ContextError``, ``TimedOut``, ``ModelError`` (generation broke) or ``ModelSetupError`` (the files
        cannot be loaded, a parameter is unknown).
        """
        _known(self.name, ask.parameters)
        engine = await asyncio.to_thread(self._opened)
        guided = ask.reply_schema is not None and self._choice.reply_mode != "text"
        job = _Job(self._choice.timeout)
        work = asyncio.get_running_loop().run_in_executor(engine.pool, engine.reply, ask, job, self.context, guided)
        try:
            made = await work
        except asyncio.CancelledError:
            job.given_up.set()
            raise
        usage = Usage(calls=1, prompt_tokens=made.prompt_tokens, completion_tokens=made.completion_tokens)
        return Reply(value=made.text, raw=made.text, usage=usage, finish=made.finish)

    async def aclose(self) -> None:
        """Let go of the weights; they leave memory when no other role uses them."""
        self._engine = None

    def _opened(self) -> _Engine:
        if self._engine is None:
            self._engine = _open_engine(self._folder, self._mark, self.name)
        return self._engine


def _check(name: str, choice: ModelChoice) -> None:
    """Refuse what cannot work with a model in this process."""
    _known(name, choice.parameters)
    if choice.base_url:
        raise ModelSetupError("a model in this process has no base URL", where=name, hint="leave base_url out")
    if choice.reply_mode not in (None, *MODES):
        what = f"reply_mode '{choice.reply_mode}' is for servers"
        raise ModelSetupError(what, where=name, hint=f"leave it out, or use {' or '.join(MODES)}")
    if choice.reply_mode == "json_schema" and not schema_decoding.available():
        raise MissingExtraError(
            f"{schema_decoding.PACKAGE}, which holds decoding to a schema,", schema_decoding.PACKAGE
        )


def _known(name: str, parameters: dict[str, Any]) -> None:
    for parameter in parameters:
        if parameter not in PARAMETERS:
            hint = did_you_mean(parameter, PARAMETERS)
            raise ModelSetupError(f"parameter '{parameter}' is not known to it", where=name, hint=hint)


_engines: WeakValueDictionary[str, _Engine] = WeakValueDictionary()
_opening = threading.Lock()


def _open_engine(folder: ModelFolder, mark: str, name: str) -> _Engine:
    """Load a model once for all roles that use it."""
    with _opening:
        engine = _engines.get(mark)
        if engine is None:
            engine = _engines[mark] = _Engine(folder, name)
        return engine


class _Engine:
    """Weights and tokenizer, and the one thread that uses them."""

    def __init__(self, folder: ModelFolder, name: str) -> None:
        """Read the files; raises ``ModelSetupError`` when they are no causal language model."""
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig
        from transformers.utils import logging

        self.name = name
        device = "cuda" if torch.cuda.is_available() else "cpu"
        options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        bars = logging.is_progress_bar_enabled()
        logging.disable_progress_bar()
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(folder.path, **options)
            model: Any = AutoModelForCausalLM.from_pretrained(
                folder.path, use_safetensors=True, dtype="auto", **options
            )
            self._model = model.to(device).eval()
        except Exception as error:
            what = f"the model cannot be loaded ({_said(error)})"
            raise ModelSetupError(what, where=name, hint="name a causal language model with its tokenizer") from error
        finally:
            if bars:
                logging.enable_progress_bar()
        self._ends = _ends(self._model, self._tokenizer)
        pad = self._tokenizer.pad_token_id
        pad = pad if pad is not None else (self._ends[0] if self._ends else 0)
        # What the folder says of sampling must not mix with what the choice says.
        self._model.generation_config = GenerationConfig(eos_token_id=self._ends or None, pad_token_id=pad)
        self._special = _special(self._tokenizer)
        self._guides: schema_decoding.Guides | None = None
        self.pool = ThreadPoolExecutor(1, thread_name_prefix="transformers")

    def __del__(self) -> None:
        """Let the thread end with the model."""
        if hasattr(self, "pool"):
            self.pool.shutdown(wait=False)

    def reply(self, ask: Ask, job: _Job, context: int | None, guided: bool) -> _Generated:
        """Generate, in the engine's thread."""
        import torch

        job.until = time.monotonic() + job.seconds
        text, templated = self._prompt(ask)
        given = self._tokenizer(text, return_tensors="pt", add_special_tokens=not templated)
        length = int(given["input_ids"].shape[1])
        most = self._room(length, int(ask.parameters.get("max_tokens") or MAX_TOKENS), context)
        stops = _stops(ask.parameters, templated)
        guide = self._guide(ask.reply_schema) if guided and ask.reply_schema is not None else None
        hooks = self._hooks(ask, job, length, guide, stops)
        inputs = {k: v.to(self._model.device) for k, v in given.items() if k in ("input_ids", "attention_mask")}
        try:
            with torch.inference_mode():
                ids = self._model.generate(**inputs, **hooks, max_new_tokens=most, do_sample=False)[0][length:].tolist()
        except (RuntimeError, IndexError, ValueError) as error:
            raise ModelError(f"generation failed ({_said(error)})", where=self.name) from error
        if job.late:
            what = f"no reply within {job.seconds:g} s"
            raise TimedOut(what, where=self.name, hint="raise timeout, or lower max_tokens")
        said = self._tokenizer.decode(ids, skip_special_tokens=True)
        cut = min((at for at in (said.find(stop) for stop in stops) if at >= 0), default=None)
        ended = cut is not None or bool(ids and ids[-1] in self._ends) or bool(guide and guide.done)
        finish = "stop" if ended or len(ids) < most else "length"
        return _Generated(said[:cut], finish, length, len(ids))

    def _prompt(self, ask: Ask) -> tuple[str, bool]:
        """Render the messages by the model's own template (true), or else as a plain dialogue (false)."""
        messages = [{"role": m.role, "content": self._harmless(m.content)} for m in ask.messages]
        if ask.reply_schema is not None:
            messages = with_schema_told(messages, ask.reply_schema)
        if not self._tokenizer.chat_template:
            turns = (f"{message['role'].capitalize()}: {message['content']}" for message in messages)
            return "\n\n".join((*turns, "Assistant:")), False
        for attempt in (messages, _without_system(messages)):
            try:
                text = self._tokenizer.apply_chat_template(attempt, tokenize=False, add_generation_prompt=True)
                return cast("str", text), True
            except Exception as error:
                refused = error  # templates raise errors of their own, for a system message above all
        raise ModelError(f"its chat template refuses the messages: {refused}", where=self.name) from refused

    def _harmless(self, text: str) -> str:
        """Break up what the tokenizer would read as a mark of its own: in a document it is text, and no turn's end."""
        for token in self._special:
            text = text.replace(token, f"{token[0]}\u200b{token[1:]}")
        return text

    def _room(self, prompt: int, wanted: int, context: int | None) -> int:
        if context is None:
            return wanted
        if prompt >= context:
            what = f"the prompt has {prompt:,} tokens, the model reads {context:,}"
            raise ContextError(what, where=self.name, hint="use smaller chunks, or a model with a larger context")
        return min(wanted, context - prompt)

    def _guide(self, schema: dict[str, Any]) -> Guide | None:
        if not schema_decoding.available() or not self._tokenizer.is_fast or not self._ends:
            return None
        if self._guides is None:
            self._guides = schema_decoding.Guides(self._tokenizer, self._model.config.vocab_size, self._ends)
        return self._guides.guide(schema)

    def _hooks(self, ask: Ask, job: _Job, start: int, guide: Guide | None, stops: Sequence[str]) -> dict[str, Any]:
        """Give what decoding asks at every token: which may come, which one comes, and whether to stop."""
        import torch
        from transformers import LogitsProcessorList, StoppingCriteriaList

        tokenizer, window = self._tokenizer, max(map(len, stops), default=0) + TAIL

        def only_allowed(ids: Any, scores: Any) -> Any:
            mask = guide.allowed(ids[0][start:].tolist()) if guide else b""
            if not mask:
                return scores
            allowed = torch.frombuffer(bytearray(mask), dtype=torch.uint8).to(scores.device)[: scores.shape[1]] != 0
            scores = scores.clone()
            scores[:, len(allowed) :] = -torch.inf
            scores[:, : len(allowed)].masked_fill_(~allowed, -torch.inf)
            return scores

        def enough(ids: Any, scores: Any, **_: Any) -> Any:
            job.late = time.monotonic() > job.until
            over = job.late or job.given_up.is_set()
            if not over and guide:
                guide.take(ids[0][start:].tolist())
                over = guide.done
            if not over and stops:
                tail = tokenizer.decode(ids[0][max(start, ids.shape[1] - window) :], skip_special_tokens=True)
                over = any(stop in tail for stop in stops)
            return torch.tensor([over], device=ids.device)

        processors: list[Callable[[Any, Any], Any]] = [only_allowed, *_chosen(ask)]
        return {
            "logits_processor": LogitsProcessorList(cast("Any", processors)),
            "stopping_criteria": StoppingCriteriaList(cast("Any", [enough])),
        }


def _said(error: Exception) -> str:
    """Give an error of the library on one line."""
    return f"{type(error).__name__}: {(str(error).strip().splitlines() or ['no reason given'])[0][:200]}"


def _chosen(ask: Ask) -> list[Callable[[Any, Any], Any]]:
    """Give the steps from scores to one token: none but the penalty when decoding is greedy."""
    import torch
    from transformers.generation import logits_process as process

    given = ask.parameters
    steps: list[Any] = []
    if penalty := given.get("repetition_penalty"):
        steps.append(process.RepetitionPenaltyLogitsProcessor(float(penalty)))
    if not given.get("temperature"):
        return steps
    steps.append(process.TemperatureLogitsWarper(float(given["temperature"])))
    if top_k := given.get("top_k"):
        steps.append(process.TopKLogitsWarper(int(top_k)))
    if (top_p := given.get("top_p")) is not None:
        steps.append(process.TopPLogitsWarper(float(top_p)))
    if min_p := given.get("min_p"):
        steps.append(process.MinPLogitsWarper(float(min_p)))
    generator = torch.Generator().manual_seed(int(digest("sampling", ask.id)[:15], 16))

    def drawn(ids: Any, scores: Any) -> Any:
        chances = torch.softmax(scores.float().cpu(), dim=-1)
        token = torch.multinomial(chances, 1, generator=generator)
        return torch.full_like(scores, -torch.inf).scatter(1, token.to(scores.device), 0.0)

    return [*steps, drawn]


def _ends(model: Any, tokenizer: Any) -> list[int]:
    """List the tokens that end a reply: those of the folder's generation settings, and the tokenizer's."""
    given = getattr(model.generation_config, "eos_token_id", None)
    listed = given if isinstance(given, list) else [given]
    return [t for t in dict.fromkeys((*cast("list[Any]", listed), tokenizer.eos_token_id)) if isinstance(t, int)]


def _special(tokenizer: Any) -> list[str]:
    """List the marks of turns and ends, longest first; a single character is no mark that a text could be rid of."""
    added = (token.content for token in tokenizer.added_tokens_decoder.values() if token.special)
    return sorted({t for t in (*tokenizer.all_special_tokens, *added) if len(t) > 2}, key=lambda t: (-len(t), t))


def _stops(parameters: dict[str, Any], templated: bool) -> list[str]:
    """List the texts that end a reply; in a plain dialogue the next turn is one."""
    given = parameters.get("stop") or []
    stops = [given] if isinstance(given, str) else [str(stop) for stop in given]
    return [stop for stop in (*stops, *(() if templated else ("\nUser:",))) if stop]


def _without_system(messages: list[dict[str, str]]) -> list[dict[str, str]]:
    """Put a system message at the head of the first turn, for templates that know no such role."""
    system = "\n\n".join(m["content"] for m in messages if m["role"] == "system")
    turns = [dict(m) for m in messages if m["role"] != "system"]
    if system and turns:
        turns[0]["content"] = f"{system}\n\n{turns[0]['content']}"
    return turns
