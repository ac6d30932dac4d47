"""Base URLs: every way people write them, made into one."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit, urlunsplit

from ragset.adapters.models.presets import Kind, Preset
from ragset.errors import ModelSetupError

OLLAMA_PORT = 11434

_ENDPOINTS = re.compile(r"/(chat/completions|completions|models|api/chat|api/generate|api/tags)$")


def normalised(url: str, kind: Kind, source: str) -> str:
    """Give a base URL without a trailing slash: with a path of its own or ``/v1``, for Ollama without either.

    ``source`` names where it was written, for messages. Refused are other schemes than http(s), and URLs that carry
    a user, a password or a query: keys have variables of their own, and a URL is shown in messages and kept in files.
    """
    parts = _split(url.strip().strip("\"'"), source)
    path = _ENDPOINTS.sub("", re.sub(r"/+", "/", parts.path).rstrip("/")).rstrip("/")
    if kind == "ollama":
        path = re.sub(r"/(v1|api)$", "", path)
    elif not path:
        path = "/v1"
    return urlunsplit((parts.scheme.lower(), parts.netloc.lower(), path, "", ""))


def of_host(host: str) -> str:
    """Make a URL of ``OLLAMA_HOST``: ``host``, ``host:port``, ``:port`` or a URL; 0.0.0.0 means this machine.

    Ollama itself takes a bare ``ollama.com`` for its service, by https.
    """
    text = host.strip().strip("\"'").rstrip("/")
    text = f"https://{text}" if text == "ollama.com" else text
    bare = "://" not in text
    parts = _split("http://" + (f"127.0.0.1{text}" if text.startswith(":") else text) if bare else text, "OLLAMA_HOST")
    name = parts.hostname or "127.0.0.1"
    name = "127.0.0.1" if name in ("0.0.0.0", "::") else name  # noqa: S104  # what a server binds to, no one can call
    name = f"[{name}]" if ":" in name else name
    port = parts.port or (OLLAMA_PORT if bare else None)
    return urlunsplit((parts.scheme, f"{name}:{port}" if port else name, parts.path, "", ""))


def from_variable(preset: Preset, variable: str, value: str) -> str:
    """Read a base URL from one of the preset's variables."""
    return normalised(of_host(value) if variable == "OLLAMA_HOST" else value, preset.kind, variable)


def same_server(url: str, other: str | None) -> bool:
    """Tell whether two base URLs name one server by one scheme: what https protects must not go out by http."""
    return other is not None and _server_of(url) == _server_of(other)


def _server_of(url: str) -> tuple[str, str | None, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)


def _split(url: str, source: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        raise ModelSetupError("is no address", where=source, hint="write it like http://127.0.0.1:8000/v1") from None
    if "@" in url.rpartition("://")[2].partition("/")[0] or parts.query or parts.fragment:
        raise ModelSetupError(
            "the base URL carries a user, a password or a query", where=source, hint="put a key into its own variable"
        )
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname or not port_is_fine or " " in url:
        shown = url if len(url) <= 80 else url[:79] + "…"
        raise ModelSetupError(
            f"'{shown}' is no http address", where=source, hint="write it like http://127.0.0.1:8000/v1"
        )
    return parts
