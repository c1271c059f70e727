"""Attendance by hour as an SVG: pure, without scripts or style attributes (the page's CSP forbids both).

A screen reader gets the title and the description; the page shows the same numbers as a table.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH, HEIGHT = 400, 180
LEFT, RIGHT, TOP, BOTTOM = 30, 6, 14, 24
GRID_LINES = 4
LABEL_EVERY_HOURS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartWords:
    """The texts of one chart, already in the reader's language."""

    title: str
    description: str
    hour_labels: Sequence[str]


def axis_top(highest: int) -> int:
    """The least round number at or above `highest` that GRID_LINES divide into whole numbers."""
    step = 1
    while step * GRID_LINES < highest:
        magnitude = 10 ** (len(str(step)) - 1)
        lead = step // magnitude
        step = {1: 2, 2: 5, 5: 10}[lead] * magnitude
    return step * GRID_LINES


def attendance_chart(by_hour: Sequence[int], *, words: ChartWords, now_hour: int | None = None) -> Markup:
    """One bar per hour; the hour that is still running is marked by a class of its own and by its shape."""
    top = axis_top(max(by_hour, default=0))
    plot_width, plot_height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    slot = plot_width / max(len(by_hour), 1)
    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'aria-labelledby="attendance-title attendance-description">',
        f'<title id="attendance-title">{escape(words.title)}</title>',
        f'<desc id="attendance-description">{escape(words.description)}</desc>',
    ]
    for line in range(GRID_LINES + 1):
        y = TOP + plot_height * (1 - line / GRID_LINES)
        parts.append(f'<line class="chart-grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        count = top * line // GRID_LINES
        parts.append(f'<text class="chart-label" x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{count}</text>')
    for hour, count in enumerate(by_hour):
        x = LEFT + slot * hour
        height = plot_height * count / top
        if count:
            name = "chart-bar chart-bar-now" if hour == now_hour else "chart-bar"
            parts.append(
                f'<rect class="{name}" x="{x + slot * 0.15:.1f}" y="{TOP + plot_height - height:.1f}" '
                f'width="{slot * 0.7:.1f}" height="{height:.1f}" rx="2"/>'
            )
        if hour % LABEL_EVERY_HOURS == 0:
            parts.append(
                f'<text class="chart-label" x="{x + slot / 2:.1f}" y="{HEIGHT - 7}" text-anchor="middle">'
                f"{escape(words.hour_labels[hour])}</text>"
            )
    parts.append("</svg>")
    return Markup("".join(parts))  # noqa: S704  every text above is escaped, every number is a number
