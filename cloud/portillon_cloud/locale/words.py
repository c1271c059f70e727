"""How one reader's language says texts, dates, money and durations."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from gettext import NullTranslations
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time
from babel.numbers import format_decimal, format_percent

from portillon_cloud.locale.catalogue import translations
from portillon_cloud.money import Money

# English in France is written as Babel knows it for Great Britain: day before month, 24 hours.
_LOCALES = {("en", "CA"): "en_CA", ("fr", "CA"): "fr_CA", ("en", "FR"): "en_GB", ("fr", "FR"): "fr_FR"}
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


@dataclass(frozen=True)
class Words:
    """`language` chooses texts, `country` how numbers and dates look, `time_zone` (IANA) what an instant is locally."""

    language: str
    country: str = "CA"
    time_zone: str = "UTC"

    @cached_property
    def locale(self) -> Locale:
        """Babel's locale."""
        return Locale.parse(_LOCALES.get((self.language, self.country), self.language))

    @cached_property
    def texts(self) -> NullTranslations:
        """The catalogue."""
        return translations(self.language)

    def say(self, text: str, **values: object) -> str:
        """The text in this language with its %(name)s places filled."""
        said = self.texts.gettext(text)
        return said % values if values else said

    def count(self, one: str, many: str, number: int, **values: object) -> str:
        """The singular or plural text; `%(n)s` is the number."""
        return self.texts.ngettext(one, many, number) % {"n": self.number(number), **values}

    def number(self, value: int) -> str:
        """With this language's thousands separator."""
        return format_decimal(value, locale=self.locale)

    def money(self, amount: Money) -> str:
        """The amount with its currency."""
        return amount.format(self.locale.language, self.locale.territory or "CA")

    def rate(self, rate_ppm: int) -> str:
        """A tax rate: parts per million as a percentage."""
        text: str = format_percent(
            Decimal(rate_ppm).scaleb(-6).normalize(), locale=self.locale, decimal_quantization=False
        )
        return text

    def day(self, on: date) -> str:
        """'12 Mar 2025'."""
        return self._first_of_month(format_date(on, "medium", locale=self.locale), on)

    def _first_of_month(self, said: str, on: date) -> str:
        """French says "1er mars"; Babel's patterns do not know that."""
        return re.sub(r"\b1 ", "1er ", said, count=1) if self.language == "fr" and on.day == 1 else said

    def last_day(self, until: date) -> str:
        """The last day of a half-open period: people count the day before its end as its end."""
        return self.day(until - timedelta(days=1))

    def long_day(self, on: date) -> str:
        """'Wednesday, March 12, 2025'."""
        return self._first_of_month(format_date(on, "full", locale=self.locale), on)

    def local(self, at_ms: int) -> datetime:
        """The instant in the site's time zone."""
        return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZoneInfo(self.time_zone))

    def iso(self, at_ms: int) -> str:
        """For machines: ISO 8601 with the site's offset."""
        return self.local(at_ms).isoformat(timespec="seconds")

    def clock_time(self, at_ms: int) -> str:
        """Hours, minutes, seconds of the day, in 24 hours: one width for every line of a list."""
        return format_time(self.local(at_ms), "HH:mm:ss", locale=self.locale)

    def moment(self, at_ms: int) -> str:
        """Day and minute."""
        return f"{self.day(self.local(at_ms).date())} {format_time(self.local(at_ms), 'HH:mm', locale=self.locale)}"

    def long_moment(self, at_ms: int) -> str:
        """Weekday, day and minute."""
        local = self.local(at_ms)
        return f"{self.long_day(local.date())}, {format_time(local, 'HH:mm', locale=self.locale)}"

    def hour(self, hour: int) -> str:
        """'14 h', '2 pm': the short name of an hour of the day."""
        if self.language == "fr":
            return f"{hour}\u202fh"
        return f"{hour % 12 or 12}\u202f{'am' if hour < 12 else 'pm'}"

    def duration(self, length_ms: int) -> str:
        """Rounded down to the unit a person would say; changes seldom, so that a live page is seldom redrawn."""
        if length_ms < MINUTE_MS:
            return self.say("less than a minute")
        if length_ms < HOUR_MS:
            return self.count("%(n)s minute", "%(n)s minutes", length_ms // MINUTE_MS)
        if length_ms < 2 * DAY_MS:
            return self.count("%(n)s hour", "%(n)s hours", length_ms // HOUR_MS)
        return self.count("%(n)s day", "%(n)s days", length_ms // DAY_MS)
