"""How reports say months, amounts and shares, and the texts of their charts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from babel.dates import format_skeleton
from babel.numbers import format_compact_decimal, format_percent, get_currency_precision
from markupsafe import Markup

from portillon_cloud.locale.words import Words
from portillon_cloud.money import Money
from portillon_cloud.reports.attendance_revenue import AttendanceMonth
from portillon_cloud.reports.bar_chart import ChartTexts, Series, bar_chart
from portillon_cloud.reports.recurring import RecurringMonth
from portillon_cloud.reports.revenue import DeferredMonth, RevenueMonth
from portillon_cloud.reports.unpaid_ages import UnpaidAge


@dataclass(frozen=True)
class ReportWords:
    """In the reader's language, of amounts in one currency."""

    words: Words
    currency: str

    def month(self, on: date) -> str:
        """'Apr 2026'."""
        return format_skeleton("yMMM", on, locale=self.words.locale)

    def money(self, amount_minor: int | None) -> str:
        """The amount; a dash where there is none."""
        return "–" if amount_minor is None else self.words.money(Money(amount_minor, self.currency))

    def share(self, share_ppm: int | None) -> str:
        """'3.4%'."""
        if share_ppm is None:
            return "–"
        pattern = "#,##0.0\u202f%" if self.words.language == "fr" else "#,##0.0%"
        return format_percent(Decimal(share_ppm).scaleb(-6), pattern, locale=self.words.locale)

    def part(self, number: int, of: int) -> str:
        """The number and what share of the whole that is."""
        return f"{self.words.number(number)} ({self.share(number * 1_000_000 // of)})" if of else "–"

    def age(self, one: UnpaidAge) -> str:
        """'31 to 60 days late'."""
        if one.from_days is None:
            return self.words.say("not late")
        if one.to_days is None:
            return self.words.say("more than %(days)s days late", days=one.from_days - 1)
        return self.words.say("%(first)s to %(last)s days late", first=one.from_days, last=one.to_days)

    def coming(self, one: DeferredMonth) -> str:
        """The month, or what comes after all of them."""
        return self.words.say("Later") if one.month is None else self.month(one.month)

    def revenue_chart(self, rows: Sequence[RevenueMonth]) -> Markup:
        """Billed beside earned."""
        return self._money_chart(
            "revenue",
            self.words.say("Billed and earned by month"),
            [row.month for row in rows],
            Series(look="first", values=[row.net_minor for row in rows]),
            Series(look="second", values=[row.earned_minor for row in rows]),
        )

    def deferred_chart(self, rows: Sequence[DeferredMonth]) -> Markup:
        """What is to come, without what is later than the axis."""
        shown = [(row.month, row.earned_minor) for row in rows if row.month is not None]
        return self._money_chart(
            "deferred",
            self.words.say("Billed and still to be earned, by month to come"),
            [month for month, _ in shown],
            Series(look="first", values=[earned_minor for _, earned_minor in shown]),
        )

    def recurring_chart(self, rows: Sequence[RecurringMonth]) -> Markup:
        """What recurs when each month ends."""
        return self._money_chart(
            "recurring",
            self.words.say("Monthly recurring revenue at the end of each month"),
            [row.month for row in rows],
            Series(look="first", values=[row.closing_minor for row in rows]),
        )

    def movement_chart(self, rows: Sequence[RecurringMonth]) -> Markup:
        """What came above nought, what went below."""
        return self._money_chart(
            "movements",
            self.words.say("What came and what went of it, by month"),
            [row.month for row in rows],
            Series(look="first", values=[row.new_minor + row.returned_minor + row.expansion_minor for row in rows]),
            Series(look="lost", values=[-row.contraction_minor - row.churn_minor for row in rows]),
        )

    def unpaid_chart(self, rows: Sequence[UnpaidAge]) -> Markup:
        """What is owed by age."""
        texts = ChartTexts(
            name="unpaid",
            title=self.words.say("Owed by days late"),
            description=self.words.say("The table below has the same figures."),
            labels=[f"> {(row.from_days or 1) - 1}" if row.to_days is None else f"≤ {row.to_days}" for row in rows],
        )
        return bar_chart([Series(look="first", values=[row.owed_minor for row in rows])], texts=texts, said=self._axis)

    def attendance_chart(self, rows: Sequence[AttendanceMonth]) -> Markup:
        """Visits by month."""
        texts = self._texts("attendance", self.words.say("Visits by month"), [row.month for row in rows])
        return bar_chart(
            [Series(look="first", values=[row.visits for row in rows])], texts=texts, said=self.words.number
        )

    def _axis(self, amount_minor: int) -> str:
        value = Decimal(amount_minor).scaleb(-get_currency_precision(self.currency))
        return format_compact_decimal(value, locale=self.words.locale, fraction_digits=2)

    def _texts(self, name: str, title: str, months: Sequence[date]) -> ChartTexts:
        return ChartTexts(
            name=name,
            title=title,
            description=self.words.say("The table below has the same figures."),
            labels=[format_skeleton("MMM", month, locale=self.words.locale) for month in months],
        )

    def _money_chart(self, name: str, title: str, months: Sequence[date], *series: Series) -> Markup:
        return bar_chart(series, texts=self._texts(name, title, months), said=self._axis)
