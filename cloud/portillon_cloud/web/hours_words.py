"""Hours, holidays and what they come to, in words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from babel.dates import format_date, get_day_names
from portillon_rules.holidays import HolidayCalendar, is_date
from portillon_rules.schedule import Schedule, Spans

from portillon_cloud.hours.preview import DayPreview, Stretch, clock_changes, preview
from portillon_cloud.hours.public_holidays import Country
from portillon_cloud.hours.spelling import spell_spans
from portillon_cloud.locale.words import Words
from portillon_cloud.web.wording import N_

MINUTE_MS = 60_000
WEEK_DAYS = 7
LAWS: Mapping[Country, str] = {
    Country.QUEBEC: N_("Public holidays of Quebec, %(year)s"),
    Country.FRANCE: N_("Public holidays of France, %(year)s"),
}
_A_LEAP_YEAR = 2000


@dataclass(frozen=True, slots=True)
class DayLine:
    """One day of a preview: its date, its hours, and what is out of the ordinary about it."""

    day: str
    hours: str
    remark: str = ""


@dataclass(frozen=True, slots=True)
class HoursWords:
    """For one reader."""

    words: Words

    def weekday(self, weekday: int) -> str:
        """Monday is 0."""
        name: str = get_day_names("wide", locale=self.words.locale)[weekday]
        return name[:1].upper() + name[1:]

    def hours(self, spans: Spans) -> str:
        """The hours of one day."""
        return spell_spans(spans).replace("-", "–") or self.words.say(N_("closed"))

    def law(self, country: Country, year: int) -> str:
        """What fills a calendar."""
        return self.words.say(LAWS[country], year=year)

    def days(self, days: Iterable[str]) -> list[str]:
        """A calendar's days, those of every year first; what is no day is left out."""
        once = [self.words.long_day(date.fromisoformat(day)) for day in sorted(days) if is_date(day)]
        yearly = [f"{_A_LEAP_YEAR}-{day}" for day in sorted(days) if is_date(f"{_A_LEAP_YEAR}-{day}")]
        each = N_("%(day)s of every year")
        return [*(self.words.say(each, day=self._of_a_year(date.fromisoformat(day))) for day in yearly), *once]

    def previews(
        self, schedule: Schedule, time_zone: str, calendars: Mapping[str, HolidayCalendar], today: date
    ) -> list[tuple[str, list[DayLine]]]:
        """The week from today on, then each of the next changes of clocks with the day before it."""
        week = preview(schedule, time_zone, calendars, today, WEEK_DAYS)
        found = [(self.words.say(N_("From today, for a week")), [self._line(one) for one in week])]
        for day in list(clock_changes(time_zone, today))[:2]:
            around = preview(schedule, time_zone, calendars, day - timedelta(days=1), 2)
            forward = around[1].turned_minutes > 0
            title = N_("When the clocks go forward") if forward else N_("When the clocks go back")
            found.append((self.words.say(title), [self._line(one, lengths=True) for one in around]))
        return found

    def _line(self, one: DayPreview, *, lengths: bool = False) -> DayLine:
        hours = ", ".join(self._stretch(stretch) for stretch in one.open) or self.words.say(N_("closed"))
        if not lengths:
            return DayLine(self.words.long_day(one.day), hours)
        minutes = sum(stretch.until_ms - stretch.from_ms for stretch in one.open) // MINUTE_MS
        whole, rest = divmod(minutes, 60)
        length = self.words.count("%(n)s hour", "%(n)s hours", whole)
        if rest:
            length += " " + self.words.count("%(n)s minute", "%(n)s minutes", rest)
        remark = self.words.say(N_("open for %(length)s in all"), length=length) if minutes else ""
        return DayLine(self.words.long_day(one.day), hours, remark)

    def _stretch(self, stretch: Stretch) -> str:
        begin, until = self.words.local(stretch.from_ms), self.words.local(stretch.until_ms)
        end = "24:00" if until.date() > begin.date() else f"{until.hour}:{until.minute:02}"
        return f"{begin.hour}:{begin.minute:02}–{end}"

    def _of_a_year(self, day: date) -> str:
        return format_date(day, "d MMMM" if self.words.language == "fr" else "MMMM d", locale=self.words.locale)
