"""The child that parses: limits on memory, time, files and network first, then one request a line until stdin ends.

A request is a JSON line ``{file, max_bytes, max_chars, memory_mb, timeout_s}``; the reply is a JSON line with
``document``, or ``error`` (and ``hint``). Nothing else can reach the pipe: stdout of libraries goes nowhere.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import stat
import sys
from typing import Any

from ragset.errors import DocumentError
from ragset.schema.documents import SourceFile

_NEW_USER, _NEW_NET, _PARENT_DEATH_SIGNAL = 0x10000000, 0x40000000, 1
_MAX_FILE_BYTES = 64 * 1024 * 1024
_NETWORK_EVENTS = ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto")
_NEEDS_UNSTRUCTURED = frozenset({"html", "docx", "pptx", "epub", "odt", "rst", "rtf"})


def main() -> None:
    """Serve requests until stdin ends."""
    parent = int(sys.argv[1])
    requests, replies = _take_pipes()
    _confine(parent)
    for line in requests:
        request = json.loads(line)
        try:
            reply = _answer(request)
        except MemoryError:
            reply = {"error": f"needs more than {request['memory_mb']} MB of memory", "hint": "split it", "fatal": True}
        json.dump(reply, replies, ensure_ascii=True)
        replies.write("\n")
        replies.flush()


def _take_pipes() -> tuple[Any, Any]:
    """Keep the pipes for the protocol and point stdin and stdout at nothing."""
    requests, replies = os.fdopen(os.dup(0), encoding="utf-8"), os.fdopen(os.dup(1), "w", encoding="ascii")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.close(nothing)
    return requests, replies


def _confine(parent: int) -> None:
    """Die with the parent, write no core or large file, reach no network."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)
        # A namespace of its own has no route anywhere; where the kernel forbids it, the audit hook remains.
        if libc.unshare(_NEW_NET) != 0:
            libc.unshare(_NEW_USER | _NEW_NET)
        if os.getppid() != parent:
            os._exit(1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _lower(resource.RLIMIT_FSIZE, _MAX_FILE_BYTES)
    _lower(resource.RLIMIT_NOFILE, 256)
    sys.addaudithook(_refuse_network)


def _refuse_network(event: str, args: tuple[Any, ...]) -> None:
    if event in _NETWORK_EVENTS:
        raise PermissionError("the network is off while documents are parsed")


def _lower(kind: int, value: int) -> None:
    """Set a soft limit that never exceeds the hard one."""
    hard = resource.getrlimit(kind)[1]
    resource.setrlimit(kind, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    from ragset.adapters.reading import KINDS, read_document

    file = SourceFile.model_validate(request["file"])
    try:
        data = _read_bytes(file.absolute, request["max_bytes"])
        _warm(KINDS.get(os.path.splitext(file.path)[1].lower(), ""), data)
        _limit(request["memory_mb"], request["timeout_s"])
        document = read_document(file, data, request["max_chars"])
    except DocumentError as error:
        return {"error": error.what, "hint": error.hint}
    except OSError as error:
        return {"error": f"cannot be opened ({error.strerror or error})", "hint": "check the file and its permissions"}
    return {"document": document.model_dump(mode="json")}


def _read_bytes(path: str, max_bytes: int) -> bytes:
    """Read a regular file; links were resolved and checked before, so that a new one is refused."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as stream:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise DocumentError("is no regular file", hint="leave it out")
        if status.st_size > max_bytes:
            raise DocumentError(f"has {status.st_size:,} bytes, the limit is {max_bytes:,}", hint="split it")
        return stream.read(max_bytes)


def _warm(kind: str, data: bytes) -> None:
    """Import the heavy libraries before the memory limit is set: it is meant for the document."""
    if kind in _NEEDS_UNSTRUCTURED or data.startswith(b"PK"):
        from ragset.adapters.partition import warm

        warm()


def _limit(memory_mb: int, timeout_s: float) -> None:
    """Limit what the next document may take beyond what this process already has."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _lower(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime + 2 * timeout_s) + 5)
    try:
        with open("/proc/self/statm", encoding="ascii") as stream:
            size, resident = (int(n) * resource.getpagesize() for n in stream.read().split()[:2])
    except OSError:
        return
    room = max(memory_mb * 1024 * 1024 - resident, 64 * 1024 * 1024)
    _lower(resource.RLIMIT_AS, size + room)


if __name__ == "__main__":
    main()
