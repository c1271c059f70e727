"""Bars by month or by age as an SVG: pure, without scripts or style attributes (the page's CSP forbids both).

Series stand side by side and differ in fill and outline, not in hue alone. A screen reader gets the title and the
description; the page shows the same numbers as a table.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from portillon_cloud.reports.attendance_chart import GRID_LINES, axis_top

WIDTH, HEIGHT = 720, 240
LEFT, RIGHT, TOP, BOTTOM = 74, 6, 14, 26
LABELS_MAX = 12
GAP = 0.24  # of a slot, between its bars and the next slot's


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One bar in each slot. `look`: the class that draws it, 'first', 'second' or 'lost' (which hangs down)."""

    look: str
    values: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartTexts:
    """The texts of one chart, already in the reader's language; `name` is unique on its page."""

    name: str
    title: str
    description: str
    labels: Sequence[str]


def bar_chart(series: Sequence[Series], *, texts: ChartTexts, said: Callable[[int], str]) -> Markup:
    """One slot per label, one bar per series in it; `said` writes a value at the axis. Negative values hang down."""
    highest = max((value for one in series for value in one.values), default=0)
    lowest = min((value for one in series for value in one.values), default=0)
    top, bottom = _bounds(max(highest, 0), max(-lowest, 0))
    plot_height = HEIGHT - TOP - BOTTOM

    def y_of(value: int) -> float:
        return TOP + plot_height * (top - value) / (top + bottom)

    parts = [
        f'<svg class="chart chart-wide" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-labelledby="{escape(texts.name)}-title {escape(texts.name)}-description">',
        f'<title id="{escape(texts.name)}-title">{escape(texts.title)}</title>',
        f'<desc id="{escape(texts.name)}-description">{escape(texts.description)}</desc>',
    ]
    step = (top + bottom) // GRID_LINES
    for value in range(-bottom, top + 1, step):
        parts.append(
            f'<line class="{"chart-zero" if value == 0 else "chart-grid"}" x1="{LEFT}" x2="{WIDTH - RIGHT}" '
            f'y1="{y_of(value):.1f}" y2="{y_of(value):.1f}"/>'
            f'<text class="chart-label" x="{LEFT - 6}" y="{y_of(value) + 4:.1f}" text-anchor="end">'
            f"{escape(said(value))}</text>"
        )
    slot = (WIDTH - LEFT - RIGHT) / max(len(texts.labels), 1)
    width = slot * (1 - GAP) / max(len(series), 1)
    every = -(-len(texts.labels) // LABELS_MAX)
    for place, label in enumerate(texts.labels):
        x = LEFT + slot * (place + GAP / 2)
        for number, one in enumerate(series):
            value = one.values[place]
            if value:
                height = abs(y_of(value) - y_of(0))
                parts.append(
                    f'<rect class="chart-{escape(one.look)}" x="{x + number * width:.1f}" '
                    f'y="{min(y_of(value), y_of(0)):.1f}" width="{width:.1f}" height="{height:.1f}"/>'
                )
        if place % every == 0:
            parts.append(
                f'<text class="chart-label" x="{x + slot * (1 - GAP) / 2:.1f}" y="{HEIGHT - 7}" text-anchor="middle">'
                f"{escape(label)}</text>"
            )
    parts.append("</svg>")
    return Markup("".join(parts))  # noqa: S704  every text above is escaped, every number is a number


def _bounds(highest: int, lowest: int) -> tuple[int, int]:
    """How far the axis goes up and down, both whole grid steps apart from nought."""
    if lowest == 0:
        return axis_top(highest), 0
    step = axis_top(highest + lowest) // GRID_LINES
    up, down = -(-highest // step), -(-lowest // step)
    # Up and down are rounded each for itself, which may ask for a step more than the lines there are.
    while up + down > GRID_LINES:
        step = axis_top(step * GRID_LINES + 1) // GRID_LINES
        up, down = -(-highest // step), -(-lowest // step)
    return (GRID_LINES - down) * step, down * step
