"""Charts as pictures with a finding for alternative text, in one palette that survives grey."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

import pandas as pd

from navcrm_recon.report import measures
from navcrm_recon.report.markup import Fragment, text
from navcrm_recon.report.source import ReportFrames
from navcrm_recon.report.words import word

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Dark and light by turns: each is told from its neighbours without colour as well.
PALETTE = ("#12324f", "#7fb3c8", "#b4491f", "#f0c48a", "#5b6b7a", "#d3dde3")
_INK, _MUTED, _LINE = "#1c2733", "#5b6b7a", "#dde3e9"
_WIDTH = 11.0

#: Sans serifs that a reader's system is likely to have; the picture's text stays text.
_FONTS = "Segoe UI, Roboto, Helvetica Neue, Arial, sans-serif"


def state_chart(data: ReportFrames) -> Fragment:
    """Show the records that are not coupled as they should be, a bar per mapping."""
    every = measures.figures(data).set_index("mapping")
    states = every[[name for name in measures.STATES if name != "coupled"]]
    sums = states.sum(axis=1)
    states, sums = states[sums > 0], sums[sums > 0]
    if states.empty:
        return _nothing("Every record is coupled to one that is there.")
    largest = str(states.sum().idxmax())
    alt = (
        f"{int(every['coupled'].sum()):,} records are coupled, {int(sums.sum()):,} stand apart; "
        f"the largest class is '{word(largest)}' with {int(states[largest].sum()):,}."
    )
    figure, axes = _canvas(len(states), legend=True)
    left = pd.Series(0, index=states.index)
    for state, colour in zip(states, PALETTE, strict=True):
        if states[state].sum():
            axes.barh(
                states.index, states[state], left=left, color=colour, label=word(str(state)),
                edgecolor="white", linewidth=0.6, height=0.58,
            )  # fmt: skip
        left += states[state]
    for row, number in enumerate(sums):
        axes.text(number + sums.max() * 0.008, row, f"{number:,}", va="center", color=_INK, size=9)
    axes.set_xlim(0, int(sums.max()) * 1.08)
    axes.invert_yaxis()
    axes.xaxis.set_visible(False)
    axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=6, frameon=False, fontsize=9)
    return picture(figure, alt, "Records that stand apart")


def cause_chart(data: ReportFrames) -> Fragment:
    """Show how many differences each cause has."""
    causes = data.diff["cause"].value_counts().reindex(list(measures.CAUSES)).fillna(0).astype(int)
    return bars(causes[causes > 0].rename(index=word), "Differences by cause", "differences")


def field_chart(data: ReportFrames, top: int = 12) -> Fragment:
    """Show the fields with most differences."""
    name = (
        data.diff["mapping"]
        + ": "
        + data.diff["nav_field"].where(data.diff["nav_field"].ne(""), data.diff["crm_field"])
    )
    return bars(name.value_counts().head(top), f"The {top} fields that differ most", "differences")


def bars(counts: pd.Series, caption: str, unit: str) -> Fragment:
    """Show counts as bars, in the order given, each with its figure."""
    if counts.empty:
        return _nothing(f"{caption}: none.")
    most = counts.idxmax()
    alt = f"{int(counts.sum()):,} {unit}; most are '{most}' with {int(counts.max()):,}."
    figure, axes = _canvas(len(counts))
    drawn = axes.barh(
        [_label(name) for name in counts.index], counts, color=PALETTE[0], height=0.58
    )
    axes.bar_label(drawn, [f"{each:,}" for each in counts], padding=4, color=_INK, fontsize=9)
    axes.invert_yaxis()
    axes.set_xlim(0, max(1, int(counts.max())) * 1.12)
    axes.xaxis.set_visible(False)
    return picture(figure, alt, caption)


def trend_chart(data: ReportFrames) -> Fragment:
    """Show the totals of the earlier runs and this one."""
    runs = measures.trend(data)
    if len(runs) < 2:
        return _nothing("This is the first run of this workspace: there is no trend yet.")
    figure, axes = _canvas(5.5)
    first, last = runs.iloc[0], runs.iloc[-1]
    labels = [_day(each) for each in runs["started"]]
    styles = ("-", "--", ":")
    for number, measure in enumerate(measures.MEASURES):
        axes.plot(
            range(len(runs)), runs[measure], styles[number], color=PALETTE[number], marker="o",
            markersize=4, linewidth=1.8, label=f"{word(measure)} ({int(last[measure]):,})",
        )  # fmt: skip
    step = max(1, len(runs) // 8)
    axes.set_xticks(range(0, len(runs), step), labels[::step])
    axes.set_ylim(bottom=0)
    axes.locator_params(axis="y", integer=True, nbins=5)
    axes.grid(axis="y", color=_LINE)
    axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=3, frameon=False, fontsize=9)
    change = int(last["diffs"]) - int(first["diffs"])
    alt = (
        f"Over {len(runs):,} runs the differences went from {int(first['diffs']):,} to "
        f"{int(last['diffs']):,} ({change:+,}), uncoupled records from "
        f"{int(first['uncoupled']):,} to {int(last['uncoupled']):,}."
    )
    return picture(figure, alt, "Totals of the last runs")


def picture(figure: Figure, alt: str, caption: str) -> Fragment:
    """Return a drawn figure as HTML; ``alt`` says what it shows, for who cannot see it."""
    from matplotlib import rc_context

    buffer = BytesIO()
    # Text stays text and the same figure gives the same bytes.
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": caption}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    svg = buffer.getvalue().decode().replace("sans-serif", _FONTS)
    code = base64.b64encode(svg[svg.index("<svg") :].encode()).decode()
    return Fragment(
        f'<figure class="nr-figure"><img alt="{text(alt, 400)}" '
        f'src="data:image/svg+xml;base64,{code}">'
        f"<figcaption><strong>{text(caption)}.</strong> {text(alt, 400)}</figcaption></figure>"
    )


def _canvas(lines: float, *, legend: bool = False) -> tuple[Figure, Axes]:
    """Return an empty figure, high enough for so many bars."""
    from matplotlib.figure import Figure  # not pyplot: no window, nothing kept between charts

    figure = Figure(figsize=(_WIDTH, 0.7 + 0.34 * lines + (0.5 if legend else 0)))
    figure.set_layout_engine("constrained")
    axes = figure.subplots()
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0, labelsize=9, colors=_INK)
    return figure, axes


def _label(name: object, limit: int = 44) -> str:
    """Cut a label, and keep matplotlib from reading formulas in it."""
    plain = str(name)
    plain = plain if len(plain) <= limit else plain[: limit - 1] + "…"
    return plain.replace("$", r"\$")


def _day(started: str) -> str:
    return started[5:16].replace("T", " ")


def _nothing(sentence: str) -> Fragment:
    return Fragment(f'<p class="nr-nothing">{text(sentence)}</p>')


__all__: Sequence[str] = [
    "bars", "cause_chart", "field_chart", "picture", "state_chart", "trend_chart",
]  # fmt: skip
