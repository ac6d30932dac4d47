"""``ragset flow`` and ``ragset steps``: pipelines, and what they are made of."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from ragset.cli import options as opt
from ragset.cli.progress import progress
from ragset.cli.terminal import out, out_json, safe, talk


@click.group()
def flow() -> None:
    """List, show, check and run flows (YAML)."""


@flow.command("list")
@opt.as_json
def list_(as_json: bool) -> None:
    """List the flows that come with ragset."""
    from ragset.api.flows import list_flows
    from ragset.cli.show_flow import show_flows

    found = list_flows()
    if as_json:
        out_json(found)
    else:
        show_flows(found)


@flow.command("show")
@click.argument("name", metavar="NAME")
def show(name: str) -> None:
    """Print a flow as YAML, every default of its steps spelled out: a start for your own."""
    from ragset.api.flows import show_flow

    out(safe(show_flow(name)).rstrip("\n"))


@flow.command("check")
@click.argument("path", metavar="FLOW")
def check(path: str) -> None:
    """Check a flow without reading or calling anything."""
    from ragset.api.flows import check_flow
    from ragset.cli.show_flow import show_checked

    show_checked(check_flow(path), path)


@flow.command("run")
@click.argument("path", metavar="FLOW")
@click.option("--out", metavar="DIR", help="Run folder to write, or to go on in.")
@click.option("--index", metavar="NAME", help="Index to use (default: the one the flow names).")
@opt.together(opt.spending, opt.embedder, opt.indexes, opt.chroma, opt.folder, opt.as_json, opt.quiet)
@click.pass_context
def run(ctx: click.Context, path: str, out: str | None, as_json: bool, quiet: bool, **options: Any) -> None:
    """Run a flow, a name or a YAML file."""
    from ragset.api.flows import run_flow
    from ragset.cli.show_run import end

    with progress(quiet=quiet) as shown:
        done = run_flow(path, out, progress=shown, **opt.given(**options))
    if out and "kept" not in done.report:
        talk(f"nothing is written to {out}: this flow fills an index and makes no samples", quiet=quiet)
    end(ctx, done.report, Path(out or "."), as_json)


@click.command()
@click.argument("name", metavar="[NAME]", required=False)
@opt.as_json
def steps(name: str | None, as_json: bool) -> None:
    """List the steps of flows, or show one with its fields."""
    from ragset.api.flows import list_steps
    from ragset.cli.show_flow import chosen, show_step, show_steps

    found = chosen(list_steps(), name)
    if as_json:
        out_json([asdict(step) for step in found])
    elif name:
        show_step(found[0])
    else:
        show_steps(found)
