"""For whom an account pays, and what each costs it: members of its own, and parts of others' subscriptions."""

import datetime
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, or_, select

from portillon_cloud.billing import event_store
from portillon_cloud.billing.calendar import Interval
from portillon_cloud.billing.errors import TimelineError
from portillon_cloud.billing.life import Condition, Recorded, life_on
from portillon_cloud.billing.span import Moment
from portillon_cloud.billing.tables import invoice, invoice_line, plan, price, subscription
from portillon_cloud.billing.timeline import JOINING, TAKING_OVER, Stretch, payer_of, sponsored, stretches
from portillon_cloud.members.tables import account, member
from portillon_cloud.money import Money
from portillon_cloud.reports.recurring import monthly_minor

SUBSCRIPTIONS_SHOWN = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """One subscription. `pays`: of a cycle, this account's part as it is on `on`: today, or when it is charged first.

    `interval` None: nothing recurs, or its events make no life, so nobody can say (`condition` None).
    `whose`: the account that pays the rest, if not this.
    """

    subscription_id: int
    plan: str
    condition: Condition | None
    pays: Money
    interval: Interval | None
    on: datetime.date
    inclusive: bool
    codes: tuple[str, ...] = ()
    paid_by: tuple[str, ...] = ()
    whose: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberCosts:
    member_id: int
    name: str
    costs: tuple[Cost, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidFor:
    """`more`: subscriptions that are not listed. `monthly`: of what is charged today; None: nothing, or two kinds.

    Two kinds: prices with their taxes inside, and prices without; they make no sum.
    """

    members: tuple[MemberCosts, ...]
    more: int
    monthly: Money | None
    inclusive: bool


@dataclass(frozen=True, slots=True)
class _Sold:
    plan: str
    inclusive: bool


def paid_for(
    conn: Connection,
    *,
    organisation_id: int,
    account_id: int,
    legal_entity_id: int,
    currency: str,
    today: datetime.date,
) -> PaidFor:
    """What the account pays for on this day; what has ended is left out, and so is what others pay whole."""
    own = subscription.c
    rows = conn.execute(
        select(
            own.id,
            own.account_id,
            own.member_id,
            own.price_id,
            member.c.first_name,
            member.c.last_name,
            account.c.name.label("whose"),
        )
        .join(member, member.c.id == own.member_id)
        .join(account, account.c.id == own.account_id)
        .where(
            own.organisation_id == organisation_id,
            own.state == "active",
            or_(
                own.account_id == account_id,
                own.id.in_(_shared_with(conn, organisation_id, account_id, legal_entity_id)),
            ),
        )
        .order_by(member.c.last_name, member.c.first_name, own.id)
    ).all()
    shown = rows[:SUBSCRIPTIONS_SHOWN]
    known = event_store.recorded(conn, [row.id for row in shown])
    sold = _sold(conn, organisation_id)
    names = _members(conn, organisation_id, account_id)
    costs: defaultdict[int, list[Cost]] = defaultdict(list)
    for row in shown:
        of_others = row.account_id != account_id
        component_of = account_id if of_others else None
        cost = _cost(known.get(row.id, ()), row.id, row.price_id, component_of, sold, currency, today)
        if cost.condition is Condition.ENDED or (of_others and not cost.pays.amount_minor):
            continue
        names[row.member_id] = f"{row.first_name} {row.last_name}"
        costs[row.member_id].append(replace(cost, whose=row.whose) if of_others else cost)
    charged = [one for found in costs.values() for one in found if one.interval is not None and one.on == today]
    kinds = {one.inclusive for one in charged}
    sum_minor = sum(monthly_minor(one.pays.amount_minor, one.interval) for one in charged if one.interval is not None)
    return PaidFor(
        members=tuple(MemberCosts(member_id=one, name=name, costs=tuple(costs[one])) for one, name in names.items()),
        more=len(rows) - len(shown),
        monthly=Money(sum_minor, currency) if len(kinds) == 1 else None,
        inclusive=True in kinds,
    )


def _cost(
    recorded: Sequence[Recorded],
    subscription_id: int,
    price_id: int,
    component_of: int | None,
    sold: Mapping[int, _Sold],
    currency: str,
    today: datetime.date,
) -> Cost:
    """The part of one subscription that the account with this component pays; None: its own payer."""
    nobody_knows = Cost(
        subscription_id=subscription_id,
        plan=sold[price_id].plan,
        condition=None,
        pays=Money(0, currency),
        interval=None,
        on=today,
        inclusive=sold[price_id].inclusive,
    )
    try:
        life = life_on(recorded, today)
        folded = stretches([one.event for one in recorded])
    except TimelineError:
        return nobody_knows
    mine = [one for one in folded if payer_of(one.component) == component_of and one.component not in _ONCE]
    on = _charged_on(mine, today)
    now = [] if on is None else [one for one in mine if _runs(one, on)]
    priced = sold[life.tariff.price_id]
    return replace(
        nobody_knows,
        plan=priced.plan,
        inclusive=priced.inclusive,
        condition=life.condition,
        pays=Money(sum(one.tariff.cycle_minor for one in now), currency),
        interval=now[0].tariff.interval if now else None,
        on=on or today,
        codes=tuple(code for one in now for code in one.codes),
        paid_by=tuple(name for one in now for name in one.paid_by),
    )


_ONCE = frozenset({JOINING, TAKING_OVER})


def _charged_on(mine: Sequence[Stretch], today: datetime.date) -> datetime.date | None:
    """Today if anything is charged today, else the first day to come on which something is; None: never again."""
    if any(_runs(one, today) for one in mine):
        return today
    return min((one.start.day for one in mine if one.start.day > today), default=None)


def _runs(one: Stretch, on: datetime.date) -> bool:
    """Whether it is charged at some moment of this day and still when the day ends."""
    last = Moment(on, 86_399)
    return one.start <= last and (one.until is None or last < one.until)


def _shared_with(conn: Connection, organisation_id: int, account_id: int, legal_entity_id: int) -> Sequence[int]:
    """Subscriptions of others that may be paid in part by the account: billed with its own, or billed to it once."""
    own = subscription.c
    together = select(own.id).where(
        own.organisation_id == organisation_id,
        own.legal_entity_id == legal_entity_id,
        own.next_invoice_on.is_not(None),
        own.bill_with_id == account_id,
        own.account_id != account_id,
    )
    billed = (
        select(invoice_line.c.subscription_id)
        .join(invoice, invoice.c.id == invoice_line.c.invoice_id)
        .where(
            invoice.c.organisation_id == organisation_id,
            invoice.c.account_id == account_id,
            invoice_line.c.component == sponsored(account_id),
        )
        .distinct()
    )
    return sorted({*conn.execute(together).scalars(), *conn.execute(billed).scalars()})


def _sold(conn: Connection, organisation_id: int) -> Mapping[int, _Sold]:
    rows = conn.execute(
        select(price.c.id, price.c.tax_inclusive, plan.c.name)
        .join(plan, plan.c.id == price.c.plan_id)
        .where(price.c.organisation_id == organisation_id)
    )
    return {row.id: _Sold(row.name, row.tax_inclusive) for row in rows}


def _members(conn: Connection, organisation_id: int, account_id: int) -> dict[int, str]:
    rows = conn.execute(
        select(member.c.id, member.c.first_name, member.c.last_name)
        .where(member.c.organisation_id == organisation_id, member.c.account_id == account_id)
        .order_by(member.c.last_name, member.c.first_name, member.c.id)
    )
    return {row.id: f"{row.first_name} {row.last_name}" for row in rows}
