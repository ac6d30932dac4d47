"""YAML is read in one way everywhere: plain data, no key twice, and no text that aliases blow up."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ragset.cli import cli
from ragset.errors import FlowError, UsageError
from ragset.flow.compile import load_flow, parse_flow, shipped_flows
from ragset.kit.calibration_file import parse_calibration
from ragset.kit.personas import read_personas
from ragset.kit.prices import PriceTable
from ragset.kit.yaml_text import MOST_REPEATED, read_yaml

LAUGHS = "a0: &a0 [" + ", ".join(["ha"] * 10) + "]\n"
LAUGHS += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10))
MERGES = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}\n" for n in range(1, 10))


def read(text: str) -> Any:
    return read_yaml(text, "f.yaml", "mend it")


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("", None),
        ("a: 1\nb: {a: 1}\n", {"a": 1, "b": {"a": 1}}),
        ("- a: 1\n- a: 2\n", [{"a": 1}, {"a": 2}]),
        ("1: one\n'1': text\n", {1: "one", "1": "text"}),
        ("a: &x [1, 2]\nb: *x\n", {"a": [1, 2], "b": [1, 2]}),
        ("a: &x {k: 1, l: 2}\nb: {<<: *x, k: 3}\nc: {<<: *x}\n",
         {"a": {"k": 1, "l": 2}, "b": {"k": 3, "l": 2}, "c": {"k": 1, "l": 2}}),
        ("=: 1\n", {"=": 1}),
        ("a: [[[[]]]]", {"a": [[[[]]]]}),
        ("[" + "0, " * (2 * MOST_REPEATED) + "]", [0] * (2 * MOST_REPEATED)),  # long, but written out
    ],
)  # fmt: skip
def test_plain_data_is_read_as_ever(text: str, data: Any) -> None:
    assert read(text) == data


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("index: a\nsteps: []\nindex: b\n", "f.yaml, line 3: 'index' stands twice in one mapping, first in line 1; "),
        ("s:\n- scenarios: {seed: 1, seed: 2}\n", "f.yaml, line 2: 'seed' stands twice in one mapping, first in line"),
        ("1: a\n0x1: b\n", "line 2: '0x1' stands twice"),
        ("a: &x {k: 1}\nb:\n  <<: *x\n  <<: *x\n", "line 4: '<<' stands twice"),
        ("a: &x [1, *x]\n", "line 1: an alias stands for what it is part of; write it out"),
        (LAUGHS, "its aliases repeat more than 10,000 values; write out what is meant"),
        (MERGES, "its aliases repeat more than 10,000 values; write out what is meant"),
        ("a: [", "f.yaml: is not YAML in line 1; mend it"),
        ("2020-99-99: 1\n", "f.yaml: is not YAML; mend it"),
        ("[1]: 1\n", "f.yaml: is not YAML in line 1; mend it"),
        ("\x00", "f.yaml: is not YAML; mend it"),
        ("[" * 5000, "f.yaml: is not YAML; mend it"),
        ("!!python/object/apply:os.getcwd []", "f.yaml: is not YAML in line 1; mend it"),
    ],
)
def test_what_is_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(text)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_bomb_costs_nothing() -> None:
    tracemalloc.start()
    with pytest.raises(FlowError, match="aliases repeat"):
        parse_flow(LAUGHS, "f.yaml")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000


def _prices(path: Path) -> Any:
    return PriceTable.load(path)


def _calibration(path: Path) -> Any:
    return parse_calibration(path.read_text("utf-8"), str(path))


def _personas(path: Path) -> Any:
    return read_personas(str(path))


@pytest.mark.parametrize("reader", [load_flow, _prices, _calibration, _personas])
@pytest.mark.parametrize("text", ["a: 1\nb: 1\na: 1\n", LAUGHS, "a: &x {b: *x}\n"])
def test_every_reader_refuses_it(tmp_path: Path, reader: Callable[[Path], Any], text: str) -> None:
    path = tmp_path / "f.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(UsageError, match=r"f\.yaml, line \d+: ('a' stands twice|its aliases repeat|an alias stands)"):
        reader(path)


def test_flow_check_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_text("index: a\n" + shipped_flows()["rag_qa"] + "index: b\n", "utf-8")
    done = CliRunner().invoke(cli, ["flow", "check", str(path)])
    assert done.exit_code == 2
    assert "'index' stands twice in one mapping, first in line 1; leave one of them out" in done.stderr
    assert done.stderr.count("\n") == 1


def test_no_other_file_reads_yaml() -> None:
    source = Path(__file__).parents[1] / "src" / "ragset"
    reads = ("yaml.load", "yaml.safe_load", "yaml.full_load", "yaml.unsafe_load", "SafeLoader")
    found = [path.name for path in source.rglob("*.py") if any(word in path.read_text("utf-8") for word in reads)]
    assert found == ["yaml_text.py"]
