"""Why a connection failed, in words: what the client and the system say of it names their own parts."""

from __future__ import annotations

import os
import socket
import ssl

_TLS = {
    "WRONG_VERSION_NUMBER": "it speaks no TLS there (http, not https)",
    "UNSUPPORTED_PROTOCOL": "its TLS is too old",
}
_BROKEN = (
    ("ServerDisconnectedError", "the server closed the connection"),
    ("ClientPayloadError", "it is not complete"),
    ("ClientResponseError", "what came is no HTTP"),  # http_exceptions become one
    ("ServerTimeoutError", "no answer in time"),
)


def why_failed(error: BaseException) -> str:
    """Say in a few plain words why there was no connection, or why it broke; empty where that is not known."""
    if named := _named(error):
        return named
    if error.__class__.__name__ == "ClientHttpProxyError":
        return f"the proxy answers {getattr(error, 'status', '')}".rstrip()
    kinds = {kind.__name__ for kind in type(error).__mro__}
    return next((words for kind, words in _BROKEN if kind in kinds), "")


def _named(error: BaseException) -> str:
    """Look for the system's error in what a client made of it."""
    found: BaseException | None = error
    for _ in range(4):
        if type(found).__module__.partition(".")[0] != "aiohttp":  # whose errors are also of the kinds below
            if isinstance(found, ssl.SSLCertVerificationError):
                return f"certificate not trusted: {found.verify_message}"
            if isinstance(found, ssl.SSLError):
                reason = found.reason or ""
                return _TLS.get(reason, f"TLS failed: {reason.replace('_', ' ').lower() or 'no reason given'}")
            if isinstance(found, socket.gaierror):
                return "name cannot be looked up now" if found.errno == socket.EAI_AGAIN else "name not known"
            if isinstance(found, OSError) and found.errno:
                return os.strerror(found.errno).lower()
        found = getattr(found, "os_error", None) or (found.__cause__ if found else None)
    errno = getattr(error, "errno", None)
    return os.strerror(errno).lower() if isinstance(errno, int) and errno > 0 else ""
