"""SIGKILL at random moments of ``ragset build``: run again, it ends with the same truth, Chroma and set."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

TOPICS = {
    "anchor": "heavy tool that holds a boat in place",
    "barometer": "instrument that measures the pressure of the air",
    "compass": "instrument that shows the direction of north",
    "dynamo": "machine that turns motion into electric current",
    "escapement": "mechanism that lets a clock advance in equal steps",
    "flywheel": "heavy wheel that stores energy while it turns",
    "governor": "device that keeps the speed of an engine constant",
    "hygrometer": "instrument that measures the moisture of the air",
}


def write_corpus(folder: Path) -> Path:
    folder.mkdir()
    for name, what in TOPICS.items():
        text = [f"# The {name.title()} Handbook", "", f"A {name} is a {what}.", ""]
        for part in ("Use", "Care", "History"):
            text += [f"## {part} of the {name}", ""]
            text += [f"To check the {name} for {part.lower()}, compare the {name} with a second {name} every week.", ""]
            text += [f"The {name} is used to teach the {part.lower()} of every {what.split()[-1]} in schools.", ""]
            text += [f"A {name} {part.lower()} log is a short book that lists every repair of the {name}.", ""]
        (folder / f"{name}.md").write_text("\n".join(text), "utf-8")
    return folder


def command(corpus: Path, home: Path, embedder: str) -> list[str]:
    given = ["build", str(corpus), "--out", str(home / "out"), "--indexes", str(home / "indexes"), "-n", "12"]
    return [sys.executable, "-m", "ragset", *given, "--index", "tools", "--embedder", embedder, "--quiet"]


def finish(corpus: Path, home: Path, embedder: str) -> float:
    began = time.monotonic()
    done = subprocess.run(command(corpus, home, embedder), capture_output=True, text=True, timeout=300)
    assert done.returncode in (0, 3), done.stderr
    return time.monotonic() - began


def outcome(home: Path) -> dict[str, bytes]:
    files = sorted(home.glob("indexes/tools/data/**/*.parquet"))
    assert files
    return {f.name: f.read_bytes() for f in [*files, home / "out/kept.jsonl", home / "out/rejected.jsonl"]}


def killed(corpus: Path, home: Path, embedder: str, after: float) -> bool:
    process = subprocess.Popen(command(corpus, home, embedder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(timeout=after)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
    return process.returncode == -signal.SIGKILL


def check_every_chunk_is_found(home: Path) -> None:
    import asyncio

    from ragset.adapters.chroma_store import open_index

    with open_index(home / "indexes", "tools") as index:
        for document_id in index.document_ids():
            for chunk, vector in zip(index.chunks(document_id), index.vectors(document_id), strict=True):
                (hits,) = asyncio.run(index.search(vector[None], 3))
                assert chunk.text in [hit.chunk.text for hit in hits]


def trial(tmp_path: Path, embedder: str, kills: int) -> None:
    corpus = write_corpus(tmp_path / "corpus")
    whole = finish(corpus, tmp_path / "plain", embedder)
    expected = outcome(tmp_path / "plain")
    assert expected["kept.jsonl"].count(b"\n") >= 3
    dice, struck = random.Random(str(tmp_path.name)), 0
    for chain in range(3 * kills):
        home = tmp_path / f"chain{chain}"
        for _ in range(5):
            if struck == kills or not killed(corpus, home, embedder, dice.uniform(0.2, 0.9 * whole)):
                break
            struck += 1
        finish(corpus, home, embedder)
        assert outcome(home) == expected
        check_every_chunk_is_found(home)
        if struck == kills:
            return
    pytest.fail(f"only {struck} of {kills} kills struck")


@pytest.mark.parametrize("seed", range(2))
def test_twenty_kills_change_nothing(tmp_path: Path, seed: int):
    trial(tmp_path, "hash", kills=10)


def test_a_kill_with_the_real_model_changes_nothing(tmp_path: Path):
    trial(tmp_path, "minilm", kills=1)
