"""A ladder as pictures of months: what happens on which day, and from when the door is shut. The days stand beside it
in text, so nobody needs to see it."""

import calendar
from collections.abc import Iterator, Mapping
from datetime import date, timedelta

from markupsafe import Markup

from portillon_cloud.dunning.calendar import Course, DayKind

CELL = 36
_LETTERS = frozenset({DayKind.BEFORE_DUE, DayKind.REMINDER})
_CHARGES = frozenset({DayKind.CHARGE, DayKind.RETRY})
_ENDS = frozenset({DayKind.HAND_OVER, DayKind.CANCELLATION, DayKind.WRITE_OFF})
_MARKS = (
    (_CHARGES, "ladder-charge", Markup('<circle class="{name}" cx="{x}" cy="{y}" r="4.5"/>')),
    (_LETTERS, "ladder-letter", Markup('<rect class="{name}" x="{left}" y="{top}" width="9" height="9" rx="1"/>')),
    (_ENDS, "ladder-end", Markup('<path class="{name}" d="M{left} {bottom}L{x} {top}L{right} {bottom}Z"/>')),
)


def month_pictures(course: Course) -> list[tuple[date, Markup]]:
    """The first of each month in which something happens, and its picture; weeks begin on Monday."""
    happens: dict[date, set[DayKind]] = {}
    for one in course.happenings:
        happens.setdefault(one.on, set()).add(one.kind)
    last_on = max(happens)
    months = sorted({on.replace(day=1) for on in (*happens, *([course.shut_on] if course.shut_on else ()))})
    return [(month, _month(month, happens, course, last_on)) for month in months]


def _month(month: date, happens: Mapping[date, set[DayKind]], course: Course, last_on: date) -> Markup:
    days = calendar.monthrange(month.year, month.month)[1]
    weeks = -(-(month.weekday() + days) // 7)
    cells = Markup("").join(
        cell
        for number in range(days)
        for cell in _cell(month + timedelta(days=number), month.weekday() + number, happens, course, last_on)
    )
    return Markup('<svg class="ladder-month" viewBox="0 0 {width} {height}" aria-hidden="true">{cells}</svg>').format(
        width=7 * CELL, height=weeks * CELL, cells=cells
    )


def _cell(
    on: date, place: int, happens: Mapping[date, set[DayKind]], course: Course, last_on: date
) -> Iterator[Markup]:
    left, top = place % 7 * CELL, place // 7 * CELL
    yield Markup('<rect class="{name}" x="{x}" y="{y}" width="{size}" height="{size}" rx="4"/>').format(
        name=_shade(on, course, last_on), x=left + 1, y=top + 1, size=CELL - 2
    )
    yield Markup('<text class="ladder-number" x="{x}" y="{y}">{day}</text>').format(x=left + 6, y=top + 14, day=on.day)
    marks = [(name, drawn) for kinds, name, drawn in _MARKS if kinds & happens.get(on, set())]
    for number, (name, drawn) in enumerate(marks):
        x, y = left + 8 + 11 * number, top + CELL - 9
        yield drawn.format(name=name, x=x, y=y, left=x - 4.5, right=x + 4.5, top=y - 4.5, bottom=y + 4.5)


def _shade(on: date, course: Course, last_on: date) -> str:
    """Shut, grace until then or until the last step, or neither."""
    if course.shut_on is not None and on >= course.shut_on:
        return "ladder-shut"
    return "ladder-grace" if course.due_on <= on <= last_on else "ladder-day"
