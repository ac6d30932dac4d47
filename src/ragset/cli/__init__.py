"""The command line: parse, call the API, show. Commands are loaded when they are named."""

from __future__ import annotations

import gc
import io
import sys
from importlib import import_module
from typing import IO, Any, NoReturn

import click

from ragset import __version__
from ragset.cli.terminal import one_line
from ragset.errors import RagsetError, did_you_mean
from ragset.settings import debug

COMMANDS = {
    "build": "ragset.cli.build:build",
    "estimate": "ragset.cli.estimate:estimate",
    "models": "ragset.cli.models:models",
    "ingest": "ragset.cli.ingest:ingest",
    "index": "ragset.cli.index:index",
    "generate": "ragset.cli.build:generate",
    "validate": "ragset.cli.validate:validate",
    "report": "ragset.cli.report:report",
    "calibrate": "ragset.cli.calibrate:calibrate",
    "show": "ragset.cli.read:show",
    "export": "ragset.cli.read:export",
    "verify": "ragset.cli.read:verify",
    "flow": "ragset.cli.flow:flow",
    "steps": "ragset.cli.flow:steps",
}

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells count it."""

TYPED = "ragset.typed"
"""Where the context keeps the arguments as they were typed."""


class Commands(click.Group):
    """A group that loads its commands when they are named, and says every error in one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the names in the order of the work, not of the alphabet."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one command."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        return getattr(import_module(module), name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one was meant (click looks among loaded ones only)."""
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            ctx.fail(f"No such command '{one_line(args[0])}'; {did_you_mean(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Remember what was typed: how to go on after Ctrl-C depends on it."""
        ctx.meta[TYPED] = tuple(args)
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            _refuse(error)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an error becomes one line on stderr and an exit code."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            _refuse(error)
        except RagsetError as error:
            _fail(ctx, str(error), error.exit_code, error)
        except KeyboardInterrupt as error:
            forced = "run it again without --force to go on (with it, if nothing of it was finished)"
            again = forced if "--force" in ctx.meta[TYPED] else "run the same command to go on"
            _fail(ctx, f"stopped; what is finished is kept, {again}", INTERRUPTED, error, head="")
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:
            line = f"{type(error).__name__}: {error} (unexpected: please report it; RAGSET_DEBUG=1 shows where)"
            _fail(ctx, line, 1, error)


class _Refused(click.ClickException):
    """A command line that was refused, said as every other error."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        """Say it in one line; click itself takes four."""
        click.echo(f"error: {self.message}", file=file, err=file is None)


def _refuse(error: click.UsageError) -> NoReturn:
    """Raise what click found wrong as one line that names where help stands; help itself stays as it is."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        raise error
    command = error.ctx.command_path if error.ctx else "ragset"
    raise _Refused(f"{one_line(error.format_message()).removesuffix('.')}; see: {command} --help") from error


def _fail(ctx: click.Context, line: str, code: int, error: BaseException, head: str = "error: ") -> None:
    if debug():
        raise error
    click.echo(head + one_line(line), err=True)
    ctx.exit(code)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="ragset", message="%(prog)s %(version)s")
def cli() -> None:
    """Turn documents into question-answer sets that can be trusted.

    Exit codes: 0 done; 1 failed; 2 wrong usage or configuration; 3 done, but fewer than asked;
    130 stopped with Ctrl-C.
    """


def main() -> None:
    """Run the command line; text that the terminal cannot show is escaped, never an error."""
    gc.set_threshold(50_000, 50, 100)  # a full collection of all that torch brings stops a run for a third of a second
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    cli(prog_name="ragset")
