"""The one HTTP client: keeps connections open, keeps the time, bounds what it reads, and names what went wrong.

A request has one hard limit of time, from the first byte sent to the last one read, so that a server that trickles or
hangs ends like one that is silent. Redirects are not followed: a key goes to nobody but the address it was meant for.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from ragset.adapters.models.faults import Address, fault_of
from ragset.adapters.models.keys import Key
from ragset.adapters.models.transport import Disconnected, ServerFault, TimedOut
from ragset.errors import ModelSetupError, RagsetError
from ragset.schema.models import ReplyMode

if TYPE_CHECKING:
    import httpx

LARGEST_REPLY = 20_000_000
"""Bytes of a reply that are read; a longer one is a fault of the server."""

LANE = 8
"""Connections a pool holds; httpx looks at all of a pool's connections for every request, idle ones several times (the
square of their number), so that many small pools cost a fiftieth of a large one at 256 requests in flight."""

CONNECT = 15.0
"""Seconds to wait for a connection at most."""


def loopback(url: str) -> bool:
    """Tell whether a URL is on this machine."""
    host = (urlsplit(url).hostname or "").lower()
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class Http:
    """Requests to one address with one key."""

    def __init__(self, base_url: str, address: Address, key: Key | None = None, *, timeout: float = 120) -> None:
        """``timeout`` is the most seconds a whole request may take. No connection is opened yet."""
        self._base, self.address, self._key, self._timeout = base_url, address, key, timeout
        self._lanes: list[_Lane] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._context: Any = None

    async def post(
        self, path: str, body: dict[str, Any], mode: ReplyMode = "text", timeout: float | None = None
    ) -> dict[str, Any]:
        """Send JSON, give the JSON object that comes back; raises what :func:`fault_of` says."""
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        return await self._request("POST", path, content, timeout or self._timeout, mode)

    async def get(self, path: str, timeout: float | None = None) -> dict[str, Any]:
        """Ask for a JSON object."""
        return await self._request("GET", path, None, timeout or self._timeout, "text")

    async def aclose(self) -> None:
        """Close the connections."""
        lanes, self._lanes = self._lanes, []
        if self._loop is asyncio.get_running_loop():
            for lane in lanes:
                await lane.client.aclose()

    async def _request(
        self, method: str, path: str, content: bytes | None, timeout: float, mode: ReplyMode
    ) -> dict[str, Any]:
        way = _Way()
        try:
            async with asyncio.timeout(timeout):
                outcome = await self._exchange(method, path, content, way)
        except TimeoutError:
            late = f"no answer within {timeout:g} s"
            outcome = TimedOut(late, where=self.address.name) if way.out else self._unreached(f"no connection, {late}")
        if isinstance(outcome, RagsetError):
            raise outcome  # out of the handler: what httpx raised holds the request, and that holds the key
        status, headers, raw = outcome
        if not 200 <= status < 300:
            raise fault_of(status, headers, _parsed(raw), self.address, mode)
        body = _parsed(raw)
        if not isinstance(body, dict):
            head = self.address.masked(raw[:200].decode("utf-8", "replace"))
            raise ServerFault(f"the answer is no JSON object: {head or 'empty'}", where=self.address.name, billed=True)
        given = cast("dict[str, Any]", body)
        if given.get("error") and not given.get("choices") and not given.get("message"):
            fault = fault_of(_status_in(given["error"]), headers, given, self.address, mode)
            if isinstance(fault, ServerFault):
                fault.billed = True  # it began well and broke later
            raise fault
        return given

    async def _exchange(
        self, method: str, path: str, content: bytes | None, way: _Way
    ) -> tuple[int, httpx.Headers, bytes] | RagsetError:
        import httpx

        lane = self._lane()
        lane.busy += 1
        try:
            async with lane.client.stream(method, path, content=content, extensions={"trace": way.trace}) as response:
                way.began(response)
                async for part in response.aiter_bytes():
                    way.read += part
                    if len(way.read) > LARGEST_REPLY:
                        what = f"the answer is longer than {LARGEST_REPLY // 1_000_000} MB"
                        return ServerFault(what, where=self.address.name, billed=way.good)
                return response.status_code, response.headers, bytes(way.read)
        except httpx.ConnectTimeout:
            return self._unreached("no connection in time")
        except httpx.TimeoutException:
            return TimedOut("no answer in time", where=self.address.name)
        except httpx.UnsupportedProtocol:
            return ModelSetupError(f"{self.address.url} is no http address", where=self.address.name)
        except httpx.DecodingError:
            return ServerFault("the answer cannot be decompressed", where=self.address.name, billed=way.good)
        except (httpx.ConnectError, httpx.ProxyError) as error:
            return self._unreached(self.address.masked(str(error)) or "no connection")
        except (httpx.InvalidURL, httpx.HTTPError, UnicodeError, OSError) as error:
            return self._broken(error, way)
        finally:
            lane.busy -= 1

    def _unreached(self, why: str) -> Disconnected:
        hint = "start the server, or check the base URL"
        return Disconnected(f"cannot reach {self.address.url}: {why}", where=self.address.name, hint=hint)

    def _broken(self, error: Exception, way: _Way) -> tuple[int, httpx.Headers, bytes] | RagsetError:
        """Say what a connection that broke leaves: an error's status is known, half a good answer is a server's fault.

        A request that was out may be billed, whether or not the answer had begun.
        """
        why = self.address.masked(str(error)) or type(error).__name__
        if way.response is None:
            what = "the connection broke" if way.out else "the request failed"
            return Disconnected(f"{what}: {why}", where=self.address.name, billed=way.out)
        if way.good:
            return ServerFault(f"the answer broke off: {why}", where=self.address.name, billed=True)
        return way.response.status_code, way.response.headers, bytes(way.read)

    def _lane(self) -> _Lane:
        """Give the first pool with a free connection; how many there are follows from what is in flight."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:  # connections belong to the loop they were opened in
            self._lanes, self._loop = [], loop
        for lane in self._lanes:
            if lane.busy < LANE:
                return lane
        self._lanes.append(_Lane(self._open()))
        return self._lanes[-1]

    def _open(self) -> httpx.AsyncClient:
        import httpx

        trusting = not loopback(self._base)  # a proxy is for what is outside
        self._context = self._context or httpx.create_ssl_context(trust_env=trusting)
        headers = {"content-type": "application/json", "accept": "application/json", "user-agent": "ragset"}
        if self._key:
            headers["authorization"] = f"Bearer {self._key.reveal()}"
        return httpx.AsyncClient(
            base_url=self._base + "/",
            headers=headers,
            limits=httpx.Limits(max_connections=LANE, max_keepalive_connections=LANE, keepalive_expiry=60),
            timeout=httpx.Timeout(None, connect=min(CONNECT, self._timeout)),
            verify=self._context,
            trust_env=trusting,
            follow_redirects=False,
        )


@dataclass(slots=True)
class _Way:
    """How far a request came: out to the server, and what had come back when it broke."""

    out: bool = False
    response: httpx.Response | None = None
    read: bytearray = field(default_factory=bytearray)

    @property
    def good(self) -> bool:
        """True when a reply had begun."""
        return self.response is not None and self.response.is_success

    async def trace(self, event: str, info: dict[str, Any]) -> None:
        """Hear from the connection that it sends; the greeting of a proxy (CONNECT) is not the request."""
        if event == "http11.send_request_headers.started":
            self.out = info["request"].method != b"CONNECT"

    def began(self, response: httpx.Response) -> None:
        """Note that the headers of an answer are here."""
        self.out, self.response = True, response


@dataclass(slots=True)
class _Lane:
    """A small pool of connections, and how many requests are in it."""

    client: httpx.AsyncClient
    busy: int = 0


def _parsed(raw: bytes) -> Any:
    """Read a body as JSON, or as text where it is none."""
    text = raw.decode("utf-8", "replace")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _status_in(error: Any) -> int:
    """Find the status that an error inside a good answer means (OpenRouter sends them so)."""
    code = cast("dict[str, Any]", error).get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) and 400 <= code < 600 else 502
