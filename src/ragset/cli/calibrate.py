"""``ragset calibrate``: how far a judge agrees with people, and which of its scores decide alone."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import click

from ragset.cli import options as opt
from ragset.cli.numbers import Number, Whole
from ragset.cli.terminal import out_json, talk

labels_option = click.option(
    "--labels", metavar="FILE", multiple=True, required=True, help="JSONL or CSV of labelled rows (may be repeated)."
)
out_option = click.option("--out", metavar="FILE", help="Calibration file to write (YAML), for flows to name.")
threshold_option = click.option(
    "--threshold", type=Number(), help="Lowest score that passes, in place of the judge's own."
)
error_option = click.option(
    "--max-error",
    type=Number(0, 1, min_open=True, max_open=True),
    help="Most wrong decisions on each side of the band, as a share (0.05).",
)
resamples_option = click.option("--resamples", type=Whole(min=1), help="Resamples of the bootstrap (1000).")
seed_option = click.option("--seed", type=Whole(min=0), help="Seed of the bootstrap (0).")
delivered_option = click.option(
    "--delivered", metavar="FILE", help="Set whose true pass rate is wanted, kept.jsonl say; 150 of its rows labelled."
)
index_option = click.option("--index", metavar="NAME", help="Index that a judge which retrieves retrieves from.")
own = opt.together(
    labels_option, out_option, threshold_option, error_option, delivered_option, seed_option, resamples_option
)


@click.command()
@click.argument("name", metavar="JUDGE")
@opt.together(own, index_option, opt.models, opt.embedder, opt.indexes, opt.chroma, opt.as_json, opt.quiet)
def calibrate(name: str, labels: tuple[str, ...], as_json: bool, **rest: Any) -> None:
    """Compare a judge with people's labels.

    JUDGE is a step ('ragset steps' lists them), builtin-groundedness or builtin-equivalence. A row of a FILE holds an
    answer, what it is held against (context or gold), perhaps a question, and a label: 1 right, 0 wrong. With several
    files every figure is the mean over them.
    """
    from ragset.api.calibrate import calibrate as run
    from ragset.cli.show_calibration import show_calibration, show_rate
    from ragset.kit.calibrating import CalibrationResult

    begun, quiet = perf_counter(), bool(rest["quiet"])
    with opt.started(rest) as shown:
        found = run(name, labels, progress=shown, **opt.given(**rest))
    took = perf_counter() - begun
    talk(f"{found.rows:,} rows in {took:.1f} s ({found.rows / took:,.0f} rows/s)", quiet=quiet)
    if as_json:
        out_json(found.as_dict())
    elif isinstance(found, CalibrationResult):
        show_calibration(found, rest.get("out"))
    else:
        show_rate(found)
