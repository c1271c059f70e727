"""The form of one schedule: from the schedule to its fields, and from what was typed back to a body. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from portillon_rules.holidays import HolidayCalendar, is_date
from portillon_rules.schedule import Schedule, Spans

from portillon_cloud.hours.errors import HoursInvalidError
from portillon_cloud.hours.spelling import read_spans, spell_spans
from portillon_cloud.web.week_picture import spans_by_weekday

BLANK_DATES = 2
"""Empty lines for new exceptions; each save gives as many again."""
DATES_MOST = 500


class OnHolidays(StrEnum):
    """What a schedule does on the days of one calendar."""

    USUAL = "usual"
    CLOSED = "closed"
    HOURS = "hours"


@dataclass(frozen=True, slots=True)
class Field:
    """What stands in a field, and whether it can be read."""

    text: str = ""
    wrong: bool = False


@dataclass(frozen=True, slots=True)
class HolidayField:
    """One calendar of the site."""

    calendar: str
    does: OnHolidays
    hours: Field = Field()


@dataclass(frozen=True, slots=True)
class DateField:
    """One date and its hours; none: closed."""

    day: Field = Field()
    hours: Field = Field()


@dataclass(frozen=True, slots=True, kw_only=True)
class HoursForm:
    """All fields of the page."""

    week: tuple[Field, ...]
    holidays: tuple[HolidayField, ...]
    dates: tuple[DateField, ...]
    first_day: Field = Field()
    last_day: Field = Field()


def form_of(schedule: Schedule, calendars: Mapping[str, HolidayCalendar]) -> HoursForm:
    """The fields that say this schedule; calendars that it does not name come after those that it does."""
    named = {one.calendar: one.spans for one in schedule.holidays}
    does: dict[str, Spans | None] = {**named, **{name: None for name in calendars if name not in named}}
    dates = {one.day: one.spans for one in schedule.dates}
    dates = {**{day: () for day in schedule.closed_on}, **dates}
    return HoursForm(
        week=tuple(Field(spell_spans(spans)) for _, spans in sorted(spans_by_weekday(schedule).items())),
        holidays=tuple(_holiday(name, spans) for name, spans in does.items()),
        dates=(
            *(DateField(Field(day), Field(spell_spans(spans))) for day, spans in sorted(dates.items())),
            *(DateField() for _ in range(BLANK_DATES)),
        ),
        first_day=Field(schedule.first_day or ""),
        last_day=Field(schedule.last_day or ""),
    )


def form_typed(typed: Mapping[str, list[str]]) -> HoursForm:
    """The fields as they came from the page, each looked at."""

    def one(name: str) -> str:
        return typed.get(name, [""])[0]

    calendars = [name.removeprefix("holiday:") for name in typed if name.startswith("holiday:")]
    days = zip(typed.get("date", []), typed.get("date_hours", []), strict=False)
    return HoursForm(
        week=tuple(_hours(one(f"day_{weekday}")) for weekday in range(7)),
        holidays=tuple(
            HolidayField(
                name,
                does := _does(one(f"holiday:{name}")),
                _hours(one(f"hours:{name}")) if does is OnHolidays.HOURS else Field(),
            )
            for name in calendars
        ),
        dates=tuple(DateField(_day(day), _hours(hours)) for day, hours in list(days)[:DATES_MOST]),
        first_day=_day(one("first_day")),
        last_day=_day(one("last_day")),
    )


def body_of(form: HoursForm) -> dict[str, Any]:
    """The schedule's body. Raises HoursInvalidError if a field cannot be read."""
    fields = [*form.week, form.first_day, form.last_day, *(one.hours for one in form.holidays)]
    fields += [field for one in form.dates for field in (one.day, one.hours)]
    if any(field.wrong for field in fields):
        raise HoursInvalidError("a field cannot be read")
    dates = {one.day.text: read_spans(one.hours.text) for one in form.dates if one.day.text}
    spans = {
        one.calendar: read_spans(one.hours.text) if one.does is OnHolidays.HOURS else ()
        for one in form.holidays
        if one.does is not OnHolidays.USUAL
    }
    return {
        "windows": [
            [weekday, begin, until] for weekday in range(7) for begin, until in read_spans(form.week[weekday].text)
        ],
        "closed_on": sorted(day for day, hours in dates.items() if not hours),
        "dates": {day: hours for day, hours in dates.items() if hours},
        "holidays": list(spans.items()),
        "first_day": form.first_day.text or None,
        "last_day": form.last_day.text or None,
    }


def _holiday(calendar: str, spans: Spans | None) -> HolidayField:
    if spans is None:
        return HolidayField(calendar, OnHolidays.USUAL)
    if not spans:
        return HolidayField(calendar, OnHolidays.CLOSED)
    return HolidayField(calendar, OnHolidays.HOURS, Field(spell_spans(spans)))


def _does(text: str) -> OnHolidays:
    return OnHolidays(text) if text in set(OnHolidays) else OnHolidays.USUAL


def _hours(text: str) -> Field:
    try:
        read_spans(text)
    except HoursInvalidError:
        return Field(text, wrong=True)
    return Field(text.strip())


def _day(text: str) -> Field:
    return Field(text.strip(), wrong=bool(text.strip()) and not is_date(text.strip()))
