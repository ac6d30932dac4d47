"""What a calibration found, for people to read."""

from __future__ import annotations

from collections.abc import Sequence

from ragset.cli.terminal import one_line, out, plural, table
from ragset.kit.calibrating import CalibrationResult, JudgeFacts, SetFigures
from ragset.kit.calibration_file import Band, Bin, Estimate
from ragset.kit.calibration_rate import RateResult
from ragset.kit.prediction_powered import PassRate

PLOT = 40
"""Columns of the reliability plot."""


def show_calibration(found: CalibrationResult, written: str | None = None) -> None:
    """Print the figures, one line a set, the reliability plot, the band, and what is wrong with all of it."""
    it = found.calibration
    _head(JudgeFacts(it.judge, it.judge_version, it.threshold, it.model), found)
    _sets(found)
    out()
    accuracy = f"{found.best[1]:.3f}, {it.balanced_accuracy.value:.3f} at {it.threshold:g}"
    out(f"best threshold {found.best[0]:g}: balanced accuracy {accuracy}; fitted to these labels, so too good")
    out()
    _reliability(found)
    out()
    _band(found)
    if found.pass_rate:
        _pass_rate(found.pass_rate, scored=True)
    for line in found.warnings:
        out(one_line(f"note: {line}"))
    if written:
        out()
        out(one_line(f"wrote {written}"))


def show_rate(found: RateResult) -> None:
    """Print the pass rate; figures that need labels of both kinds are dashes."""
    _head(found.facts, found)
    rows = [(each.labels.name, f"{len(each.judged):,}", "–", "–", "–") for each in found.sets]
    table([("labels", "rows", "AUROC", "balanced accuracy", "precision at 80 %"), *rows])
    _pass_rate(found.pass_rate, scored=False)
    for line in found.warnings:
        out(one_line(f"note: {line}"))


def _head(facts: JudgeFacts, found: CalibrationResult | RateResult) -> None:
    model = f", judged by {facts.model}" if facts.model else ""
    out(one_line(f"{facts.name}, version {facts.version}{model}: threshold {facts.threshold:g}"))
    silent = f", {found.failures:,} failed, {found.abstentions:,} abstained"
    out(f"{plural(found.rows, 'row')} in {plural(len(found.sets), 'file')}{silent}")
    out()


def _sets(found: CalibrationResult) -> None:
    head = ("labels", "rows", "right", "groups", "AUROC", "balanced accuracy", "precision at 80 %")
    rows = [_row(each) for each in found.sets]
    if len(found.sets) > 1:
        it, right = found.calibration, float(found.pooled.labels.mean())
        figures = (_figure(each) for each in (it.auroc, it.balanced_accuracy, it.precision_at_80))
        rows.append(("all (macro)", f"{found.rows:,}", f"{right:.0%}", f"{found.pooled.group_count:,}", *figures))
    table([head, *rows])


def _row(each: SetFigures) -> tuple[str, ...]:
    scored = each.judged.scored
    figures = (_figure(one) for one in (each.auroc, each.balanced_accuracy, each.precision_at_80))
    share = f"{scored.labels.mean():.0%}"
    return (each.judged.labels.name, f"{len(each.judged.judged):,}", share, f"{scored.group_count:,}", *figures)


def _figure(each: Estimate) -> str:
    return f"{each.value:.3f} [{each.low:.3f}–{each.high:.3f}]"


def _reliability(found: CalibrationResult) -> None:
    diagram = found.calibration.reliability
    error = "" if diagram.ece is None else f"; expected calibration error {diagram.ece:.3f}"
    out(f"reliability: share of right rows (█) by score, │ where it would equal the score{error}")
    plain = diagram.ece is not None
    rows = [(f"{b.low:.2f}–{b.high:.2f}", f"{b.rows:,}", f"{b.passed:.0%}", _bar(b, plain)) for b in diagram.bins]
    table([("score", "rows", "right", "0 to 100 %"), *rows])


def _bar(each: Bin, mark: bool) -> str:
    """Draw one bin: the share that is right, and for probabilities where the mean score is."""
    bar = list("█" * round(each.passed * PLOT) + "·" * (PLOT - round(each.passed * PLOT)))
    if mark:
        bar[min(PLOT - 1, round(each.score * PLOT))] = "│"
    return "".join(bar)


def _band(found: CalibrationResult) -> None:
    band = found.calibration.band
    if band is None:
        out("band: no score decides alone at this error; every row would be sent on")
        return
    out(
        f"band at an error of {band.max_error:.1%} on each side: {band.share_decided:.1%} of the rows are decided alone"
    )
    for line in _sides(band):
        out(f"  {line}")
    rows = [(each.judged.labels.name, *_shares(each.band), *_shares(each.left_out)) for each in found.sets]
    if len(rows) > 1:
        table([("labels", "decided", "wrong", "decided*", "wrong*"), *rows])
        out("  * by a band that was set without that file: what to expect of a set like none of these")


def _sides(band: Band) -> Sequence[str]:
    lines: list[str] = []
    for side, cut, error, rows in (
        ("below", band.low, band.error_low, band.rows_low),
        ("from", band.high, band.error_high, band.rows_high),
    ):
        does = "fails" if side == "below" else "passes"
        if cut is None:
            lines.append(f"no score {does} alone")
        else:
            lines.append(
                f"{side} {cut:g} {does} alone: {plural(rows, 'row')}, at most {error or 0:.1%} of them wrongly"
            )
    return lines


def _shares(shares: tuple[float, float | None] | None) -> tuple[str, str]:
    if shares is None:
        return "0.0%", "–"
    return f"{shares[0]:.1%}", "–" if shares[1] is None else f"{shares[1]:.1%}"


def _pass_rate(rate: PassRate, *, scored: bool) -> None:
    """Print the true pass rate, and what it comes from: labels, and scores where these were used."""
    out()
    out(f"true pass rate of the delivered set: {rate.value:.1%} [{rate.low:.1%}–{rate.high:.1%}]")
    if scored:
        plain, low, high = rate.labels_alone
        kinds = f"{plural(rate.labelled, 'label')} and the scores of {rate.unlabelled:,} rows more"
        out(f"  from {kinds} (prediction-powered); from the labels alone {plain:.1%} [{low:.1%}–{high:.1%}]")
    else:
        out(f"  from {plural(rate.labelled, 'label')}; {rate.unlabelled:,} rows more have no label")
    out("  holds when the labelled rows were drawn at random from the set")
