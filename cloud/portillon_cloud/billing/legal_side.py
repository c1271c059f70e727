"""What consumer law says to a change of a subscription: what it forbids, and what it gives whoever leaves."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from sqlalchemy import Connection, select

from portillon_cloud.billing import event_store
from portillon_cloud.billing.calendar import Interval, period_index, period_on
from portillon_cloud.billing.catalogue import prices_of_entity
from portillon_cloud.billing.errors import UnknownSubscriptionError, UnlawfulContractError
from portillon_cloud.billing.event_body import from_body
from portillon_cloud.billing.law import LAWS, Law, Leaving, Priced, Renewal, Violation, WayOut
from portillon_cloud.billing.law.tables import price_change, price_change_for
from portillon_cloud.billing.law.used import used_by
from portillon_cloud.billing.life import tariffs
from portillon_cloud.billing.tables import contract, subscription, subscription_event
from portillon_cloud.billing.tax import rates_on, tax
from portillon_cloud.billing.timeline import Ended, Started
from portillon_cloud.clock.local import local_date
from portillon_cloud.members.tables import legal_entity, organisation
from portillon_cloud.messages.notice_store import told_of_subscription
from portillon_cloud.messages.notices import RenewalComes
from portillon_cloud.money import divide_half_away

BY_ITSELF = "contract"
"""Who records what the contract itself says: its start, and that it goes on after its term."""


@dataclass(frozen=True, slots=True)
class Announced:
    """A higher price that was told on `told_on`; who refuses it up to `until_on` leaves."""

    told_on: datetime.date
    until_on: datetime.date


@dataclass(frozen=True, slots=True)
class Cycles:
    """What each cycle costs from `from_on`, in minor units with tax."""

    from_on: datetime.date
    minor: int
    interval: Interval

    def come_to(self, starts_on: datetime.date, ends_on: datetime.date) -> int:
        """All cycles of a term, a last one that is cut off by its days."""
        whole = period_index(starts_on, self.interval, ends_on)
        rest = period_on(starts_on, self.interval, ends_on)
        days, of = (ends_on - rest.start).days, (rest.end - rest.start).days
        return self.minor * whole + divide_half_away(self.minor * days, of)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A running contract as laws look at it. `cycles`: what it costs, the first since its start.

    `term_ends_on`: the first day without each of its terms, in order; none of an open-ended one. `untold_on`: days on
    which it went on by itself though nobody had been told in time.
    """

    law_code: str
    law_version: str
    time_zone: str
    signed_on: datetime.date
    starts_on: datetime.date
    term_ends_on: tuple[datetime.date, ...]
    cycles: tuple[Cycles, ...]
    joining_minor: int
    at_distance: bool
    renews: bool
    untold_on: frozenset[datetime.date] = frozenset()
    announced: tuple[Announced, ...] = ()

    @property
    def law(self) -> Law:
        """The law it is under."""
        return LAWS[self.law_code]

    def term_on(self, day: datetime.date) -> tuple[datetime.date, datetime.date | None]:
        """First day of the term that `day` lies in (the last, if all are over), and the first day without it.

        A term that was prolonged is a contract of its own, from the end of the one before.
        """
        starts_on = self.starts_on
        for ends_on in self.term_ends_on:
            if day < ends_on or ends_on == self.term_ends_on[-1]:
                return starts_on, ends_on
            starts_on = ends_on
        return starts_on, None

    def way_out(self, *, told_on: datetime.date, on: datetime.date) -> WayOut | None:
        """What the law gives whoever says on `told_on` that they leave with `on`; None: the contract says it."""
        leaving = self._leaving(told_on, on)
        by_law = self.law.way_out(leaving)
        if by_law is None and any(one.told_on <= told_on <= one.until_on for one in self.announced):
            return WayOut(clause=self.law.repricing, kept_at_most_minor=used_by(leaving), refund_due_on=None)
        return by_law

    def require_way_out(self, *, told_on: datetime.date, on: datetime.date) -> WayOut:
        """The way out. Raises UnlawfulContractError: the law this contract is under gives no such right."""
        found = self.way_out(told_on=told_on, on=on)
        if found is None:
            clause = f"law {self.law_code}, version {self.law_version}"
            raise UnlawfulContractError(
                [Violation(clause, "the law gives no right to leave here; cancel as the contract says")]
            )
        return found

    def require_renewal(self, *, agreed_on: datetime.date, months: int) -> None:
        """Raises UnlawfulContractError with every rule that prolonging by `months` breaks."""
        if not self.term_ends_on:
            return
        renewal = Renewal(agreed_on=agreed_on, ends_on=self.term_ends_on[-1], months=months)
        broken = self.law.renewal_violations(renewal)
        if broken:
            raise UnlawfulContractError(broken)

    def _leaving(self, told_on: datetime.date, on: datetime.date) -> Leaving:
        starts_on, ends_on = self.term_on(told_on)
        held = [one for one in self.cycles if one.from_on <= starts_on][-1:] or list(self.cycles[:1])
        until_on = ends_on or period_on(starts_on, held[0].interval, max(on, starts_on)).end
        later = [one for one in self.cycles if starts_on < one.from_on < until_on and one not in held]
        joining_minor = self.joining_minor if starts_on == self.starts_on else 0
        first, *repriced = [
            Priced(max(one.from_on, starts_on), joining_minor + one.come_to(starts_on, until_on))
            for one in (*held, *later)
        ]
        return Leaving(
            signed_on=self.signed_on,
            starts_on=starts_on,
            ends_on=ends_on,
            paid_until_on=until_on,
            price_minor=first.price_minor,
            repriced=tuple(repriced),
            told_on=told_on,
            on=on,
            at_distance=self.at_distance,
            renewed_untold_on=starts_on if starts_on in self.untold_on else None,
        )


def signed(conn: Connection, organisation_id: int, subscription_id: int) -> Signed:
    """The contract of a subscription. Raises UnknownSubscriptionError."""
    row = conn.execute(
        select(
            contract,
            subscription.c.legal_entity_id,
            legal_entity.c.tax_regime,
            organisation.c.time_zone,
        )
        .join(subscription, subscription.c.contract_id == contract.c.id)
        .join(legal_entity, legal_entity.c.id == subscription.c.legal_entity_id)
        .join(organisation, organisation.c.id == subscription.c.organisation_id)
        .where(subscription.c.id == subscription_id, subscription.c.organisation_id == organisation_id)
    ).one_or_none()
    if row is None:
        raise UnknownSubscriptionError(f"there is no subscription {subscription_id} in your organisation")
    prices = prices_of_entity(conn, row.legal_entity_id)
    recorded = event_store.recorded(conn, [subscription_id])[subscription_id]
    begun = next(one.event for one in recorded if isinstance(one.event, Started))
    first = prices[begun.tariff.price_id]

    def with_tax(price_id: int, minor: int) -> int:
        price = prices[price_id]
        rates = rates_on(row.tax_regime, row.starts_on, price.tax_category)
        return tax((minor,), (price.taxable,), inclusive=price.tax_inclusive, rates=rates).total_minor

    ends = _term_ends(conn, subscription_id)
    terms_on = tuple(end for end, _ in ends)
    return Signed(
        law_code=row.law,
        law_version=row.law_version,
        time_zone=row.time_zone,
        signed_on=row.signed_on,
        starts_on=begun.at.day,
        term_ends_on=terms_on,
        cycles=tuple(
            Cycles(on, with_tax(tariff.price_id, tariff.cycle_minor), tariff.interval)
            for on, tariff in tariffs(recorded)
        ),
        joining_minor=with_tax(first.id, begun.joining_minor),
        at_distance=row.at_distance,
        renews=row.renews and bool(ends),
        untold_on=_untold(conn, row.law, subscription_id, ends),
        announced=_announced(conn, subscription_id, row.time_zone),
    )


def _term_ends(conn: Connection, subscription_id: int) -> Sequence[tuple[datetime.date, str]]:
    """The end of each term, and who recorded it: a renewal withdraws the one before, which is history then."""
    column = subscription_event.c
    rows = conn.execute(
        select(column.body, column.recorded_by)
        .where(column.subscription_id == subscription_id, column.kind == "ended")
        .order_by(column.id)
    )
    ends: dict[datetime.date, str] = {}
    for row in rows:
        event = from_body("ended", row.body)
        if isinstance(event, Ended) and event.of_term:
            ends.setdefault(event.at.day, row.recorded_by)
    return sorted(ends.items())


def _untold(
    conn: Connection, law_code: str, subscription_id: int, ends: Sequence[tuple[datetime.date, str]]
) -> frozenset[datetime.date]:
    """Where terms went on by themselves, and no notice was received within its window."""
    window_of = LAWS[law_code].renewal_window
    if window_of is None:
        return frozenset()
    told = {
        one.notice.ends_on
        for one in told_of_subscription(conn, subscription_id)
        if isinstance(one.notice, RenewalComes)
        and one.received
        and window_of(one.notice.ends_on).first_day <= one.told_on <= window_of(one.notice.ends_on).last_day
    }
    went_on = [before for (before, _), (_, by) in pairwise(ends) if by == BY_ITSELF]
    return frozenset(went_on) - told


def _announced(conn: Connection, subscription_id: int, time_zone: str) -> tuple[Announced, ...]:
    column = price_change_for.c
    rows = conn.execute(
        select(column.told_at_ms, column.refusable_until_on)
        .join(price_change, price_change.c.id == column.price_change_id)
        .where(
            column.subscription_id == subscription_id,
            column.rises,
            column.told_at_ms.is_not(None),
            price_change.c.withdrawn_at_ms.is_(None),
        )
    )
    return tuple(Announced(local_date(row.told_at_ms, time_zone), row.refusable_until_on) for row in rows)
