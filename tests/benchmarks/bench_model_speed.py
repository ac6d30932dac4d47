"""What a run with language models takes, against the scripted server: time, calls, tokens and CPU per kept pair.

Every figure stands beside what it could be: the calls of the same run with a window of one draw (nothing is asked
ahead), and the time these calls take when the server is kept full (calls x latency / limit). The server has made its
replies by rule in that run, without latency; in the timed one it remembers them, so that it takes little of the
processor. The index is made beforehand: what is timed is writing, answering and judging, from the first request to the
last as the server saw them; the whole wall time of the command is printed too.

Measured twice: with the model asked about every pair, so that the server is what a run waits for, and as the flow
ships, where the cheap tier decides most: that takes far fewer calls, and the processor is what a run waits for.

    python tests/benchmarks/bench_model_speed.py [--corpus DIR] [--latency 0.2] [--limit 32] [-n 50 200] [--tier on off]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from ragset.flow.compile import load_flow  # noqa: E402
from support.scripted_server import ServerProcess  # noqa: E402


def build(corpus: Path, work: Path, server: ServerProcess, n: int, *, tier: bool, window: int, limit: int) -> dict:
    """Run ``ragset build`` in a process of its own and give what it took."""
    found = load_flow("rag_qa")
    for judge in () if tier else ("faithfulness", "answer_correctness"):
        found = found.replace(judge, cheap_tier=False)
    text = found.to_yaml()
    flow = work / f"flow-{window}-{tier}.yaml"
    flow.write_text(re.sub("window: .*", f"window: {window}", text) if window else text, "utf-8")
    out = work / f"out-{n}-{window}-{tier}"
    command = [
        sys.executable,
        "-m",
        "ragset",
        "build",
        str(corpus),
        "--out",
        str(out),
        "-n",
        str(n),
        "--flow",
        str(flow),
    ]
    command += ["--model", "compatible:scripted", "--base-url", server.url, "--concurrency", str(limit)]
    command += [
        "--indexes",
        str(work / "indexes"),
        "--cache",
        str(work / f"cache-{n}-{window}-{tier}.sqlite"),
        "--force",
        "-q",
    ]
    server.reset()
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, env={**os.environ, "LLM_API_KEY": "x"}, check=False, stdout=subprocess.DEVNULL)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode in (0, 3), done.returncode
    report = json.loads((out / "report.json").read_text("utf-8"))
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"report": report, "wall": wall, "cpu": cpu, "stats": server.stats()}


def show(name: str, n: int, runs: dict[int, dict], latency: float, limit: int) -> None:
    """Print one line a figure."""
    needed, full = runs[1]["stats"], runs[0]["stats"]
    span = full["last_out"] - full["first_in"]
    ideal = needed["count"] * latency / limit
    kept = runs[0]["report"]["kept"]
    total = runs[0]["report"]["usage"]["total"]
    tokens = total["prompt_tokens"] + total["completion_tokens"]
    gates = runs[0]["report"]["gates"].values()
    judged = max(sum(gate.values()) for gate in gates)
    passed = judged - sum(gate["rejected"] for gate in gates)
    alone = runs[1]["report"]["kept"]
    print(f"{name}, n = {n}: kept {kept} (window 1: {alone}); {passed / judged:.0%} of the pairs pass")
    print(
        f"  calls      {full['count']:6d}   needed {needed['count']:6d}   "
        f"ratio {full['count'] / needed['count']:.3f}  (aim 1.05)"
    )
    print(
        f"  seconds    {span:6.2f}   ideal  {ideal:6.2f}   ratio {span / ideal:.3f}  (aim 1.15)   "
        f"whole command {runs[0]['wall']:.1f} s"
    )
    print(f"  in flight  {full['mean_in_flight']:6.2f} mean, {full['max_in_flight']} most, of {limit}")
    print(
        f"  per kept   {full['count'] / kept:.1f} calls, {tokens / kept:.0f} tokens, "
        f"{runs[0]['cpu'] / kept * 1000:.0f} ms CPU"
    )


def main() -> None:
    """Measure each corpus at each n, with a window of 1 and of 256."""
    options = argparse.ArgumentParser()
    options.add_argument("--corpus", type=Path, action="append")
    options.add_argument("--latency", type=float, default=0.2)
    options.add_argument("--limit", type=int, default=32)
    options.add_argument("-n", type=int, nargs="+", default=[50, 200])
    options.add_argument("--tier", nargs="+", choices=("on", "off"), default=["off", "on"])
    given = options.parse_args()
    corpora = given.corpus or [ROOT / "corpora" / "almanac", ROOT / "corpora" / "guide"]
    with tempfile.TemporaryDirectory() as folder, ServerProcess("--pass-rate", "0.85") as server:
        work = Path(folder)
        for corpus in corpora:
            for n in given.n:
                for tier in given.tier:
                    setting = {"tier": tier == "on"}
                    server.set(latency=0)
                    one = build(corpus, work, server, n, window=1, limit=1, **setting)
                    server.set(latency=given.latency)
                    full = build(corpus, work, server, n, window=0, limit=given.limit, **setting)
                    show(f"{corpus.name}, cheap tier {tier}", n, {1: one, 0: full}, given.latency, given.limit)


if __name__ == "__main__":
    main()
