"""``ragset models``: which models can be used from here."""

from __future__ import annotations

import click

from ragset.cli import options as opt
from ragset.cli.terminal import out_json


@click.command()
@click.option("--check/--no-check", default=True, show_default=True, help="Ask the servers what they offer.")
@opt.as_json
def models(check: bool, as_json: bool) -> None:
    """Show the providers of language models: configured, reachable, what they offer; keys are masked."""
    from ragset.api.models import list_models, model_of_environment
    from ragset.cli.show_models import show_models

    found, named = list_models(check=check), model_of_environment()
    if as_json:
        out_json({"env": named, "providers": [status.dump() for status in found]})
    else:
        show_models(found, named)
