"""A week of hours as a picture: a bar for each day from midnight to midnight. The hours stand beside it in text."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup
from portillon_rules.schedule import MINUTES_PER_DAY, Schedule, Spans

HEIGHT = 20
_HOURS_MARKED = range(3, 24, 3)


def spans_by_weekday(schedule: Schedule) -> dict[int, Spans]:
    """The ordinary hours of each weekday, 0 for Monday."""
    return {
        weekday: tuple(sorted((w.from_minute, w.until_minute) for w in schedule.windows if w.weekday == weekday))
        for weekday in range(7)
    }


def day_bars(week: Mapping[int, Spans]) -> list[Markup]:
    """One bar for each weekday; what began the day before and runs past midnight is drawn in another shade."""
    return [_bar(week[weekday], week[(weekday - 1) % 7]) for weekday in range(7)]


def _bar(today: Spans, yesterday: Spans) -> Markup:
    spilt = [(0, until - MINUTES_PER_DAY) for _, until in yesterday if until > MINUTES_PER_DAY]
    own = [(begin, min(until, MINUTES_PER_DAY)) for begin, until in today]
    lines = Markup("").join(
        Markup('<path class="week-hour" d="M{x} 0V{height}"/>').format(x=hour * 60, height=HEIGHT)
        for hour in _HOURS_MARKED
    )
    return Markup(
        '<svg class="week-bar" viewBox="0 0 {width} {height}" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="week-day" width="{width}" height="{height}"/><g class="week-spilt">{spilt}</g>'
        '<g class="week-open">{own}</g>{lines}</svg>'
    ).format(width=MINUTES_PER_DAY, height=HEIGHT, spilt=_rects(spilt), own=_rects(own), lines=lines)


def _rects(spans: Sequence[tuple[int, int]]) -> Markup:
    return Markup("").join(
        Markup('<rect x="{x}" width="{width}" height="{height}"/>').format(x=begin, width=until - begin, height=HEIGHT)
        for begin, until in spans
    )
