"""What is typed wrongly is said in one line, as every other error: what, and where help stands."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner, Result

from ragset.cli import COMMANDS, cli
from ragset.cli.numbers import Number, Whole


def run(*args: str) -> Result:
    return CliRunner().invoke(cli, args, prog_name="ragset")


BUILD = ("build", "docs", "--out", "o")


@pytest.mark.parametrize(
    ("args", "line"),
    [
        ((*BUILD, "-n", "5.5"), "Invalid value for '-n': '5.5' is not a whole number; see: ragset build --help"),
        ((*BUILD, "-n", "0"), "Invalid value for '-n': 0 is not in the range x>=1; see: ragset build --help"),
        (
            (*BUILD, "--seed", "one"),
            "Invalid value for '--seed': 'one' is not a whole number; see: ragset build --help",
        ),
        ((*BUILD, "--max-cost", "x"), "Invalid value for '--max-cost': 'x' is not a number; see: ragset build --help"),
        ((*BUILD, "--max-cost", "-1"), "Invalid value for '--max-cost': -1.0 is not in the range x>=0; see: ragset "),
        ((*BUILD, "--modle", "m"), "No such option '--modle'. Did you mean '--model'?; see: ragset build --help"),
        (("build", "docs"), "Missing option '--out'; see: ragset build --help"),
        (("index", "search", "a"), "Missing argument 'QUESTION'; see: ragset index search --help"),
        (("index", "delte"), "No such command 'delte'. Did you mean 'delete'?; see: ragset index --help"),
        (("biuld",), "No such command 'biuld'; did you mean 'build'?; see: ragset --help"),
        (("--bogus",), "No such option '--bogus'; see: ragset --help"),
        (("show", "a", "b\n\x1b[31mc"), "Got unexpected extra argument (b c); see: ragset show --help"),
        (
            ("validate", "f", "--out", "o", "--columns", "zzz"),
            "'zzz' is no PART=COLUMN, such as question=Q; see: ragset",
        ),
    ],
)
def test_a_usage_error_is_one_line(args: tuple[str, ...], line: str) -> None:
    done = run(*args)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert line in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("args", [(), ("flow",), ("index",)])
def test_a_group_alone_shows_its_help(args: tuple[str, ...]) -> None:
    done = run(*args)
    assert done.exit_code == 2
    assert done.stderr.startswith("Usage: ragset")


def test_help_lists_every_exit_code() -> None:
    said = " ".join(run("--help").stdout.split())
    assert "0 done; 1 failed; 2 wrong usage or configuration; 3 done, but fewer than asked; 130 stopped with" in said


def options_of(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Parameter]]:
    if isinstance(command, click.Group):
        with click.Context(command) as ctx:
            for name in command.list_commands(ctx):
                found = command.get_command(ctx, name)
                assert found is not None
                yield from options_of(found, (*path, name))
    else:
        yield from ((path, option) for option in command.params)


NUMBERS = [(path, option) for path, option in options_of(cli, ()) if isinstance(option.type, Number)]


def test_every_number_is_of_the_types_that_refuse_in_plain_words() -> None:
    assert {path[0] for path, _ in options_of(cli, ())} == set(COMMANDS)
    plain = (click.types.IntParamType, click.types.FloatParamType)
    others = [
        (path, option.name)
        for path, option in options_of(cli, ())
        if isinstance(option.type, plain) and not isinstance(option.type, Number | Whole)
    ]
    assert others == []
    assert {option.name for _, option in NUMBERS} == {"max_cost", "parse_timeout", "threshold", "max_error"}


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e400", "NaN", "Infinity"])
def test_no_number_is_endless(value: str) -> None:
    for path, option in NUMBERS:
        done = run(*path, option.opts[0], value)
        assert done.exit_code == 2
        said = f"'{option.opts[0]}': '{value}' is not a finite number; see: ragset {' '.join(path)} --help\n"
        assert done.stderr == f"error: Invalid value for {said}"
