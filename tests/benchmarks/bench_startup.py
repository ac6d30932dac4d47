"""How long ``ragset --help`` and ``import ragset`` take; the aim is under 0.3 s each, so that a shell stays a shell.

Each figure is the median of several fresh processes, beside what Python and click alone take in the same minutes. The
first vector of the packaged model stands beside that of the same model loaded by sentence-transformers.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from time import perf_counter

RUNS = 9
AIM = 0.3

VECTOR = "import asyncio; from ragset.adapters import embedding as e; asyncio.run(e.open_embedder({}).embed(['text']))"

COMMANDS = {
    "python alone": [sys.executable, "-c", "pass"],
    "import click": [sys.executable, "-c", "import click"],
    "import ragset": [sys.executable, "-c", "import ragset"],
    "ragset --help": [sys.executable, "-c", "from ragset.cli import main; main()", "--help"],
    "ragset build --help": [sys.executable, "-c", "from ragset.cli import main; main()", "build", "--help"],
    "ragset --version": [sys.executable, "-c", "from ragset.cli import main; main()", "--version"],
    "first vector": [sys.executable, "-c", VECTOR.format("")],
    "the same with torch": [sys.executable, "-W", "ignore", "-c", VECTOR.format("str(e._packaged_minilm())")],
}


def seconds(command: list[str]) -> float:
    """Take the median over fresh processes, after one that warms the file cache."""
    taken: list[float] = []
    for _ in range(RUNS + 1):
        start = perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        taken.append(perf_counter() - start)
    return statistics.median(taken[1:])


def main() -> None:
    """Print one line a command."""
    bare = 0.0
    for name, command in COMMANDS.items():
        took = seconds(command)
        bare = took if name == "import click" else bare
        ratio = f"{took / bare:5.2f} x import click" if bare else ""
        aim = "" if not name.startswith(("ragset", "import ragset")) else "ok" if took < AIM else f"over {AIM} s"
        print(f"{name:22} {took:6.3f} s  {ratio:22} {aim}".rstrip())


if __name__ == "__main__":
    main()
