"""The one HTTP client: keeps connections open, keeps the time, bounds what it reads, and names what went wrong.

A request has one hard limit of time, from the first byte sent to the last one read, so that a server that trickles or
hangs ends like one that is silent. Redirects are not followed: a key goes to nobody but the address it was meant for.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from ragset.adapters.models.faults import Address, fault_of
from ragset.adapters.models.keys import Key
from ragset.adapters.models.outside import Route, route_to, trusted_certificates
from ragset.adapters.models.plain_words import why_failed
from ragset.adapters.models.transport import Disconnected, ServerFault, TimedOut
from ragset.errors import ModelSetupError, RagsetError
from ragset.schema.models import ReplyMode

if TYPE_CHECKING:
    import ssl

    import aiohttp

LARGEST_REPLY = 20_000_000
"""Bytes of a reply that are read; a longer one is a fault of the server."""

CONNECT, KEPT = 15.0, 4.0
"""Seconds to wait for a connection at most, and that an idle one is kept: less than servers keep theirs."""

LONGEST_HEADER = 65_536
"""Bytes of one header of a reply; some servers send long ones, and their reply is paid for."""

_LOOSE = re.IGNORECASE | re.DOTALL


class Http:
    """Requests to one address with one key."""

    def __init__(self, base_url: str, address: Address, key: Key | None = None, *, timeout: float = 120) -> None:
        """``timeout`` is the most seconds a whole request may take. No connection is opened yet."""
        self._base, self.address, self._key, self._timeout = base_url, address, key, timeout
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._route = Route()
        self._spoken = False

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
        session, self._session = self._session, None
        await _close(session, self._loop)

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
            raise outcome  # out of the handler: what aiohttp raised holds the request, and that holds the key
        status, headers, raw = outcome
        if not 200 <= status < 300:
            raise fault_of(status, headers, _parsed(raw), self.address, mode)
        body = _parsed(raw)
        if not isinstance(body, dict):
            if not self._spoken and _is_page(body):
                raise ModelSetupError(
                    f"{self.address.url} answers with a web page, not with JSON",
                    where=self.address.name,
                    hint="check the base URL: it often ends in /v1",
                )
            head = self.address.masked(raw[:200].decode("utf-8", "replace"))
            raise ServerFault(f"the answer is no JSON object: {head or 'empty'}", where=self.address.name, billed=True)
        self._spoken = True
        given = cast("dict[str, Any]", body)
        if given.get("error") and not given.get("choices") and not given.get("message"):
            fault = fault_of(_status_in(given["error"]), headers, given, self.address, mode)
            if isinstance(fault, ServerFault):
                fault.billed = True  # it began well and broke later
            raise fault
        return given

    async def _exchange(
        self, method: str, path: str, content: bytes | None, way: _Way
    ) -> tuple[int, Mapping[str, str], bytes] | RagsetError:
        import aiohttp
        from aiohttp.http_exceptions import ContentEncodingError

        session = await self._opened()
        headers = {"content-type": "application/json", "accept": "application/json", "user-agent": "ragset"}
        if self._key:  # here, and not in the session: what that has goes to a proxy too
            headers["authorization"] = f"Bearer {self._key.reveal()}"
        headers |= self._route.headers
        options: Any = {"allow_redirects": False, "trace_request_ctx": way, **self._route.options}
        try:
            async with session.request(
                method, f"{self._base}/{path}", data=content, headers=headers, **options
            ) as response:
                way.began(response)
                async for part in response.content.iter_any():
                    way.read += part
                    if len(way.read) > LARGEST_REPLY:
                        what = f"the answer is longer than {LARGEST_REPLY // 1_000_000} MB"
                        return ServerFault(what, where=self.address.name, billed=way.good)
                return response.status, response.headers, bytes(way.read)
        except aiohttp.ConnectionTimeoutError:
            return self._unreached("no connection in time")
        except aiohttp.NonHttpUrlClientError:
            return ModelSetupError(f"{self.address.url} is no http address", where=self.address.name)
        except (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError) as error:
            proxy = "the proxy: " if isinstance(error, aiohttp.ClientProxyConnectionError) else ""
            return self._unreached(f"{proxy}{why_failed(error) or 'no connection'}")
        except (aiohttp.ClientError, ValueError, OSError) as error:
            if isinstance(error.__cause__, ContentEncodingError):
                return ServerFault("the answer cannot be decompressed", where=self.address.name, billed=way.good)
            return self._broken(error, way)

    def _unreached(self, why: str) -> Disconnected:
        hint = "start the server, or check the base URL"
        if why.startswith("certificate"):
            hint = "check the base URL, or let SSL_CERT_FILE name a file with the certificate to trust (PEM)"
        return Disconnected(f"cannot reach {self.address.url}: {why}", where=self.address.name, hint=hint)

    def _broken(self, error: Exception, way: _Way) -> tuple[int, Mapping[str, str], bytes] | RagsetError:
        """Say what a connection that broke leaves: an error's status is known, half a good answer is a server's fault.

        A request that was out may be billed, whether or not the answer had begun.
        """
        why = why_failed(error) or self.address.masked(str(error)) or type(error).__name__
        if way.response is None:
            what = "the connection broke" if way.out else "the request failed"
            return Disconnected(f"{what}: {why}", where=self.address.name, billed=way.out)
        if way.good:
            return ServerFault(f"the answer broke off: {why}", where=self.address.name, billed=True)
        return way.response.status, way.response.headers, bytes(way.read)

    async def _opened(self) -> aiohttp.ClientSession:
        """Give the session of the running loop: connections belong to the loop they were opened in."""
        loop = asyncio.get_running_loop()
        if self._session is None or self._loop is not loop:
            before = self._session, self._loop
            route, trusted = route_to(self._base), trusted_certificates()
            self._session, self._loop, self._route = self._open(trusted), loop, route
            await _close(*before)
        return self._session

    def _open(self, trusted: ssl.SSLContext) -> aiohttp.ClientSession:
        import aiohttp

        trace = aiohttp.TraceConfig()
        trace.on_request_headers_sent.append(_sent)
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEPT, ssl=trusted),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, connect=min(CONNECT, self._timeout)),
            trace_configs=[trace],
            max_line_size=LONGEST_HEADER,
            max_field_size=LONGEST_HEADER,
        )


async def _close(session: aiohttp.ClientSession | None, loop: asyncio.AbstractEventLoop | None) -> None:
    """Close what was opened in this loop, or in one that has ended; another one's is closed there."""
    if session and loop and (loop is asyncio.get_running_loop() or loop.is_closed()):
        await session.close()


async def _sent(session: aiohttp.ClientSession, context: Any, sent: Any) -> None:
    """Hear that a request is on its way; the greeting of a proxy (CONNECT) is not traced."""
    context.trace_request_ctx.out = True


@dataclass(slots=True)
class _Way:
    """How far a request came: out to the server, and what had come back when it broke."""

    out: bool = False
    response: aiohttp.ClientResponse | None = None
    read: bytearray = field(default_factory=bytearray)

    @property
    def good(self) -> bool:
        """True when a reply had begun."""
        return self.response is not None and 200 <= self.response.status < 300

    def began(self, response: aiohttp.ClientResponse) -> None:
        """Note that the headers of an answer are here."""
        self.out, self.response = True, response


def _parsed(raw: bytes) -> Any:
    """Read a body as JSON, or as text where it is none."""
    text = raw.decode("utf-8", "replace")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _is_page(body: Any) -> bool:
    """Tell HTML: no model's server is at an address that gives it."""
    return (
        isinstance(body, str)
        and re.match(r"\s*(<!--.{0,500}?-->\s*)?<(!doctype|html|head)\b", body, _LOOSE) is not None
    )


def _status_in(error: Any) -> int:
    """Find the status that an error inside a good answer means (OpenRouter sends them so)."""
    code = cast("dict[str, Any]", error).get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) and 400 <= code < 600 else 502
