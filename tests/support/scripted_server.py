"""A model server that needs no model: it speaks OpenAI's, Ollama's and Cohere's paths on the loopback interface.

Replies are made by rule from the prompt (:class:`ragset.kit.rehearsal.Rehearsal`), or scripted, and go wrong by plan.
Every request is logged. It is used in three ways: the fixture ``model_server`` (a thread), :class:`ServerProcess` (a
process of its own, for kill tests and measuring), and by hand::

    python tests/support/scripted_server.py --port 8099 --latency 0.2
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import subprocess
import sys
import threading
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

if __name__ == "__main__":  # run as a file: the folder above holds the package
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.dialects import FLAVOURS, Call
from support.engine import Answerer, Engine, When
from support.faults import KINDS, FaultPlan
from support.scripts import Json, Line, Record, Settings, fault, in_flight_mean, lines_of, raw, said
from support.wire import Connection

__all__ = [
    "Call", "Engine", "FaultPlan", "Line", "ModelServer", "Record", "ServerProcess", "Settings", "fault",
    "in_flight_mean", "raw", "said",
]  # fmt: skip


class ModelServer:
    """The server in a thread of this process; a context manager.

    ``log`` holds a record (a dict) of every request for a reply, ``lookups`` of every other; see :meth:`Engine.handle`.
    """

    def __init__(self, *, answerer: Answerer | None = None, plan: FaultPlan | None = None, **settings: Any) -> None:
        """Take :class:`Settings` by name; ``answerer`` makes replies of calls in place of the rule."""
        self.engine = Engine(Settings(), plan or FaultPlan(), answerer)
        self.set(**settings)
        self._open: set[Connection] = set()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self.root = ""
        self._thread = threading.Thread(target=self._run, name="model-server", daemon=True)
        self._thread.start()
        self._ready.wait(10)

    @property
    def url(self) -> str:
        """Base URL of the OpenAI paths."""
        return f"{self.root}/v1"

    @property
    def log(self) -> list[Record]:
        """Requests for a reply, in the order they came."""
        return list(self.engine.log)

    @property
    def lookups(self) -> list[Record]:
        """Every other request."""
        return list(self.engine.lookups)

    def stats(self, *, timeline: bool = True) -> Json:
        """Give the counts."""
        return self.engine.stats(timeline=timeline)

    def set(self, **settings: Any) -> None:
        """Change settings by name."""
        self.engine.change(**settings)

    def plan(self, plan: FaultPlan | None = None, **shares_and_more: Any) -> None:
        """Set the fault plan: a :class:`FaultPlan`, or its fields by name."""
        self.engine.plan = plan or FaultPlan(**shares_and_more)

    def script(self, *replies: Line | str | Json | list[Any], when: When = None) -> None:
        """Script the next replies, each used once; ``when`` a text is in the request, or a test of its record holds."""
        self.engine.scripts.extend((when, line) for line in lines_of(replies))

    def reset(self) -> None:
        """Forget the log and the script."""
        self.engine.reset()

    def close(self) -> None:
        """Tear every connection down and stop."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)

    def __enter__(self) -> ModelServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(_listen(self._loop, self.engine, self._open, 0))
        self.root = _root(server)
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(_shut(server, self._open))
        self._loop.close()


async def _listen(
    loop: asyncio.AbstractEventLoop, engine: Engine, opened: set[Connection], port: int
) -> asyncio.Server:
    return await loop.create_server(lambda: Connection(engine.handle, opened), "127.0.0.1", port, backlog=1024)


def _root(server: asyncio.Server) -> str:
    return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def _shut(server: asyncio.Server, opened: set[Connection]) -> None:
    server.close()
    for connection in list(opened):
        connection.abort()
    await asyncio.sleep(0)  # lets connection_lost run, so that no socket is left to the collector
    await server.wait_closed()
    await asyncio.sleep(0)


class ServerProcess:
    """The server in a process of its own, which ends with this one; takes the options of the command line."""

    def __init__(self, *options: str) -> None:
        command = [sys.executable, str(Path(__file__).resolve()), "--until-stdin-closes", *options]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        words = self.process.stdout.readline().split()
        if not words:
            raise RuntimeError(f"the scripted server did not start: {' '.join(command)}")
        self.url = words[-1]
        self.root = self.url.removesuffix("/v1")

    def log(self, *, bodies: bool = True) -> list[Record]:
        """Give the requests for a reply."""
        return self._ask("/__log" if bodies else "/__log?bodies=0")

    def stats(self, *, timeline: bool = False) -> Json:
        """Give the counts."""
        return self._ask("/__stats?timeline=1" if timeline else "/__stats")

    def reset(self) -> None:
        """Forget the log and the script."""
        self._ask("/__reset", {})

    def plan(self, plan: FaultPlan | None = None, **shares_and_more: Any) -> None:
        """Set the fault plan: a :class:`FaultPlan`, or its fields by name."""
        self._ask("/__plan", asdict(plan or FaultPlan(**shares_and_more)))

    def set(self, **settings: Any) -> None:
        """Change settings by name."""
        self._ask("/__set", {k: sorted(v) if isinstance(v, (set, frozenset)) else v for k, v in settings.items()})

    def script(self, *replies: Line | str | Json | list[Any], when: str | None = None) -> None:
        """Script the next replies; ``when`` a text is in the request."""
        self._ask("/__script", {"when": when, "lines": [asdict(line) for line in lines_of(replies)]})

    def close(self) -> None:
        """End the process."""
        self.process.terminate()
        self.process.wait(10)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()

    def __enter__(self) -> ServerProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(self.root + path, data=data), timeout=30) as reply:
            return json.loads(reply.read())


def options() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        description="A stand-in for a language model: it answers by rule, at no cost, on this machine alone.",
        epilog="Try: ragset build FOLDER -n 5 --model compatible:scripted --base-url URL (the printed one). "
        "Ollama's paths are under the same address without /v1. See what it was asked at URL-without-/v1/__log, and "
        "counts at /__stats. Stop it with Ctrl-C.",
    )
    add = parser.add_argument
    add("--port", type=int, default=0, help="port to listen on (default: a free one, printed)")
    add("--latency", type=float, default=0.0, metavar="SECONDS", help="how long a reply takes (default 0)")
    add("--sigma", type=float, default=0.0, help="spread of the latency, log-normal around --latency (default: none)")
    add("--seed", type=int, default=0, help="seed of latencies, faults and verdicts")
    add(
        "--model",
        action="append",
        dest="models",
        metavar="NAME",
        help="a model it knows; repeatable (default: any name)",
    )
    add("--key", help="the API key it wants (default: none)")
    add("--context", type=int, default=131_072, metavar="TOKENS", help="context length; longer requests get a 400")
    add("--rpm", type=int, help="requests let through per --window; more get a 429 with Retry-After")
    add("--window", type=float, default=60.0, metavar="SECONDS", help="window of --rpm (default 60)")
    add("--limit", type=int, help="requests served at once; more get a 429")
    add("--bursts", type=float, metavar="SECONDS", help="refuse all, for a tenth of the time, every so many seconds")
    add("--slots", type=int, help="beyond so many at once, latency grows in proportion")
    add("--refuse", action="append", default=[], choices=["json_schema", "json_object", "tools"],
        help="a way of asking for JSON that it refuses; repeatable")  # fmt: skip
    add("--flavour", choices=FLAVOURS, default="openai", help="in whose words it refuses")
    add("--pass-rate", type=float, default=1.0, help="share of pairs that it lets pass as a judge (default 1)")
    add("--reply", help="say this, whatever is asked")
    add(
        "--fault",
        action="append",
        default=[],
        metavar="KIND=SHARE",
        help=f"let a share of replies go wrong; kinds: {', '.join(KINDS)}",
    )
    add("--most", type=int, help="attempts of one request that may go wrong (default: any)")
    add("--retry-after", type=float, default=1.0, metavar="SECONDS", help="what a 429 or 503 asks to wait (default 1)")
    add("--slow", type=float, default=30.0, metavar="SECONDS", help="after how long a time-out answers (default 30)")
    add("--until-stdin-closes", action="store_true", help="stop when standard input closes")
    return parser


def main() -> None:
    """Serve until stopped."""
    parser = options()
    given = parser.parse_args()
    try:
        shares = {kind: float(share) for kind, _, share in (pair.partition("=") for pair in given.fault)}
        plan = FaultPlan(shares, seed=given.seed, most=given.most, retry_after=given.retry_after, slow=given.slow)
    except ValueError as error:
        parser.error(str(error))
    chosen = {f.name: getattr(given, f.name) for f in fields(Settings)}
    chosen |= {"models": tuple(given.models or ()), "refuse": frozenset(given.refuse)}
    engine = Engine(Settings(**chosen), plan)
    if given.reply is None:
        engine.warm()
    served = asyncio.run(_serve(engine, given.port, given.until_stdin_closes))
    if not given.until_stdin_closes:
        print(f"{served} requests answered", file=sys.stderr)


async def _serve(engine: Engine, port: int, until_stdin_closes: bool) -> int:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    opened: set[Connection] = set()
    server = await _listen(loop, engine, opened, port)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if until_stdin_closes:
        loop.add_reader(sys.stdin.fileno(), lambda: sys.stdin.buffer.raw.read(4096) or stop.set())
    print(f"A scripted model answers at {_root(server)}/v1", flush=True)
    await stop.wait()
    await _shut(server, opened)
    return len(engine.log)


if __name__ == "__main__":
    main()
