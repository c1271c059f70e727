"""Hand a subscription on to another member: the same contract goes on with somebody else, from a day.

1. What the giver paid and does not have from that day on is credited to them; the taker is billed the same days at the
   same price, cut by the same rule: before tax and fee the two are one amount.
2. Price, billing day, term, agreement, discounts and planned changes go along. A planned freeze and an employer's part
   do not: they were the giver's.
3. A pack's visits that are left go along, so a pack is handed over today.
4. What the giver owes stays theirs. The fee is the taker's, and stands on their first invoice.
5. Both agreed, and how is kept. One subscription is handed on once; the taker's may be handed on again.

The law's limits were kept when the contract was signed, and its term is no longer now: only the fee is agreed anew.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from portillon_cloud import outbox
from portillon_cloud.access.account_lock import lock_account
from portillon_cloud.billing import changes, event_store
from portillon_cloud.billing.calendar import period_index
from portillon_cloud.billing.catalogue import prices_of_entity
from portillon_cloud.billing.changes import Outcome
from portillon_cloud.billing.errors import TransferRefusedError, UnknownSubscriptionError
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.held_changes import require_open
from portillon_cloud.billing.life import Condition, Life, Recorded, life_on
from portillon_cloud.billing.planning import plan_recognition
from portillon_cloud.billing.proration import Proration
from portillon_cloud.billing.reckoning import keep_standing, reckon_one
from portillon_cloud.billing.renewal import plan_renewal
from portillon_cloud.billing.span import Moment
from portillon_cloud.billing.subscription import Answer, Decided, Refused, Why
from portillon_cloud.billing.tables import contract, subscription
from portillon_cloud.billing.timeline import Discounted, Ended, Event, Started, TariffChanged
from portillon_cloud.billing.transfer_tables import Consent, subscription_transfer
from portillon_cloud.clock.local import local_date
from portillon_cloud.database.rows import insert_one
from portillon_cloud.members.organisations import time_zone_of
from portillon_cloud.members.tables import account, member
from portillon_cloud.visits.before import note_visits_left, visits_left

_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """What is asked: to whom, from which day (None: today), for which fee, and how both said yes."""

    to_member_id: int
    giver_agreed: Consent
    taker_agreed: Consent
    on: datetime.date | None = None
    fee_minor: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Transferred:
    """What it leads to on both sides. `visits_left`: of a pack, as handed over."""

    subscription_id: int
    contract_id: int
    holds_from_on: datetime.date
    giver: Outcome
    taker: Outcome
    visits_left: int | None


def transfer(
    conn: Connection, *, organisation_id: int, subscription_id: int, asked: Transfer, author: Author
) -> Transferred:
    """Do it. Raises UnknownSubscriptionError, SubscriptionRefusedError, TransferRefusedError."""
    held = _held(conn, organisation_id, subscription_id)
    taker_account_id = _taker(conn, organisation_id, asked.to_member_id, held, author.at_ms)
    for account_id in sorted({held.account_id, taker_account_id}):
        lock_account(conn, account_id)
    zone = time_zone_of(conn, organisation_id)
    today = local_date(author.at_ms, zone)
    on = asked.on or today
    recorded = event_store.recorded(conn, [subscription_id])[subscription_id]
    left = visits_left(conn, subscription_id)
    if left is not None and on != today:
        raise TransferRefusedError("on: a pack of visits is handed over today: what will be left later nobody knows")
    given = changes.change(
        conn,
        organisation_id=organisation_id,
        subscription_id=subscription_id,
        ask=lambda events, now: _hand_over(events, on=on, today=now),
        author=author,
    )
    life = life_on(recorded, on)
    contract_id = _contract(conn, organisation_id, taker_account_id, held, life, recorded, on=on, today=today)
    taken_id = _subscription(conn, organisation_id, taker_account_id, held, life, contract_id, asked, on)
    events = (_started(recorded, life, on, asked.fee_minor), *_goes_along(recorded, on))
    event_store.record(
        conn,
        organisation_id=organisation_id,
        subscription_id=taken_id,
        decided=Decided(record=events),
        author=Author(name="transfer", at_ms=author.at_ms),
    )
    _stand(conn, taken_id, held, on)
    if left is not None:
        note_visits_left(
            conn, organisation_id=organisation_id, subscription_id=taken_id, left=left, now_ms=author.at_ms
        )
    # Bills at once what begins today, and plans the run for what begins later.
    taken = changes.change(
        conn,
        organisation_id=organisation_id,
        subscription_id=taken_id,
        ask=lambda _recorded, _today: Decided(),
        author=author,
    )
    _plan(conn, organisation_id, taken_id, held, zone, on)
    conn.execute(
        insert(subscription_transfer).values(
            organisation_id=organisation_id,
            from_subscription_id=subscription_id,
            to_subscription_id=taken_id,
            holds_from_on=on,
            fee_minor=asked.fee_minor,
            giver_agreed=asked.giver_agreed.value,
            taker_agreed=asked.taker_agreed.value,
            recorded_at_ms=author.at_ms,
            recorded_by=author.name,
            reason=author.reason,
        )
    )
    outbox.accounts_changed(conn, organisation_id, sorted({held.account_id, taker_account_id}))
    return Transferred(
        subscription_id=taken_id,
        contract_id=contract_id,
        holds_from_on=on,
        giver=given,
        taker=taken,
        visits_left=left,
    )


def preview(
    conn: Connection, *, organisation_id: int, subscription_id: int, asked: Transfer, author: Author
) -> Transferred:
    """The same in the caller's writing transaction, and taken back: what is shown is what would be. Raises alike."""
    taken_back = conn.begin_nested()
    try:
        return transfer(
            conn, organisation_id=organisation_id, subscription_id=subscription_id, asked=asked, author=author
        )
    finally:
        taken_back.rollback()


def _held(conn: Connection, organisation_id: int, subscription_id: int) -> Row[Any]:
    """The subscription, locked, with its contract."""
    column = subscription.c
    row: Any = conn.execute(
        select(
            column.id, column.legal_entity_id, column.account_id, column.member_id, column.component,
            column.proration, column.beside_id,
            contract.c.law, contract.c.law_version, contract.c.ends_on, contract.c.renews, contract.c.agreement,
            contract.c.proof,
        )
        .join(contract, contract.c.id == column.contract_id)
        .where(column.id == subscription_id, column.organisation_id == organisation_id)
        .with_for_update(of=subscription)
    ).one_or_none()  # fmt: skip
    if row is None:
        raise UnknownSubscriptionError(f"there is no subscription {subscription_id} in your organisation")
    found: Row[Any] = row
    before = select(subscription_transfer.c.id).where(subscription_transfer.c.from_subscription_id == subscription_id)
    if conn.scalar(before) is not None:
        raise TransferRefusedError("it was handed on already: look at the taker's")
    if found.beside_id is not None:
        raise TransferRefusedError("an add-on ends with its membership: hand the membership over, and sell it anew")
    return found


def _taker(conn: Connection, organisation_id: int, member_id: int, held: Row[Any], now_ms: int) -> int:
    """The account that pays for the taker."""
    row = conn.execute(
        select(member.c.account_id, account.c.legal_entity_id)
        .join(account, account.c.id == member.c.account_id)
        .where(member.c.id == member_id, member.c.organisation_id == organisation_id)
    ).one_or_none()
    if row is None:
        raise TransferRefusedError(f"to_member_id: there is no member {member_id} in your organisation")
    if member_id == held.member_id:
        raise TransferRefusedError("to_member_id: it is theirs already: name another member")
    if row.legal_entity_id != held.legal_entity_id:
        raise TransferRefusedError("to_member_id: they pay another company of yours: sell them a contract of it")
    require_open(conn, organisation_id, member_id, now_ms)
    taker_account_id: int = row.account_id
    return taker_account_id


def _hand_over(recorded: Sequence[Recorded], *, on: datetime.date, today: datetime.date) -> Answer:
    life = life_on(recorded, on)
    if on < today:
        return Refused(Why.TOO_FAR_BACK, today)
    if life.condition is Condition.ENDED:
        return Refused(Why.ENDED)
    if life.condition is Condition.COMING:
        return Refused(Why.NOT_BEGUN, life.starts_on)
    if life.condition is Condition.FROZEN:
        until = None if life.freeze is None or life.freeze.until is None else life.freeze.until.day
        return Refused(Why.FROZEN_ALREADY, until)
    cancelled = tuple(one.id for one in recorded if isinstance(one.event, Ended) and not one.event.of_term)
    # Like a term's end, and no cancellation: that could be taken back, and two would have what one paid for.
    return Decided(record=(Ended(at=Moment(on), of_term=True),), withdraw=cancelled)


def _contract(
    conn: Connection,
    organisation_id: int,
    account_id: int,
    held: Row[Any],
    life: Life,
    recorded: Sequence[Recorded],
    *,
    on: datetime.date,
    today: datetime.date,
) -> int:
    """The contract goes on from `on` with the taker; what is left of its term is what it comes to."""
    term = max(
        (one.event.at.day for one in recorded if isinstance(one.event, Ended) and one.event.of_term), default=None
    )
    periods = None
    if term is not None:
        first = period_index(life.anchor_on, life.tariff.interval, on)
        periods = period_index(life.anchor_on, life.tariff.interval, term - _DAY) - first + 1
    return insert_one(
        conn,
        contract,
        organisation_id=organisation_id,
        account_id=account_id,
        law=held.law,
        law_version=held.law_version,
        signed_on=min(today, on),
        starts_on=on,
        ends_on=term,
        renews=held.renews,
        total_minor=None if periods is None else life.tariff.cycle_minor * periods,
        instalments=periods,
        agreement=held.agreement,
        proof=held.proof,
        state="active",
    )


def _subscription(
    conn: Connection,
    organisation_id: int,
    account_id: int,
    held: Row[Any],
    life: Life,
    contract_id: int,
    asked: Transfer,
    on: datetime.date,
) -> int:
    return insert_one(
        conn,
        subscription,
        organisation_id=organisation_id,
        legal_entity_id=held.legal_entity_id,
        account_id=account_id,
        member_id=asked.to_member_id,
        contract_id=contract_id,
        price_id=life.tariff.price_id,
        component=held.component,
        proration=held.proration,
        plain=False,
        anchor_on=life.anchor_on,
        next_invoice_on=on,
        ends_on=life.ends_on,
        state="active",
    )


def _started(recorded: Sequence[Recorded], life: Life, on: datetime.date, fee_minor: int) -> Started:
    """As it stands on that day; a trial, or what an older system was paid, goes on to its end."""
    first = next(one.event for one in recorded if isinstance(one.event, Started))
    later = first.charged_from is not None and first.charged_from > Moment(on)
    return replace(
        first,
        at=Moment(on),
        tariff=life.tariff,
        anchor_on=life.anchor_on,
        charged_from=first.charged_from if later else None,
        paid_elsewhere=first.paid_elsewhere and later,
        joining_minor=fee_minor,
        taken_over=True,
    )


def _goes_along(recorded: Sequence[Recorded], on: datetime.date) -> Sequence[Event]:
    """Discounts that still hold, changes and ends that are planned."""
    now = Moment(on)
    found: list[Event] = []
    for one in recorded:
        match one.event:
            case Discounted(until=until) as given if until is None or until > now:
                found.append(replace(given, at=max(given.at, now)))
            case TariffChanged() | Ended() as planned if planned.at > now:
                found.append(planned)
    return found


def _stand(conn: Connection, subscription_id: int, held: Row[Any], on: datetime.date) -> None:
    """As of the day before: nothing of it is billed yet."""
    reckoned = reckon_one(
        event_store.recorded(conn, [subscription_id])[subscription_id],
        (),
        until_on=on - _DAY,
        policy=Proration(held.proration),
        prices=prices_of_entity(conn, held.legal_entity_id),
    )
    keep_standing(conn, subscription_id, replace(reckoned.standing, plain=False))


def _plan(
    conn: Connection, organisation_id: int, subscription_id: int, held: Row[Any], zone: str, on: datetime.date
) -> None:
    plan_recognition(
        conn, organisation_id=organisation_id, legal_entity_id=held.legal_entity_id, month=on, time_zone=zone
    )
    ends_on = conn.scalar(select(subscription.c.ends_on).where(subscription.c.id == subscription_id))
    if ends_on is not None:
        plan_renewal(
            conn,
            organisation_id=organisation_id,
            subscription_id=subscription_id,
            law=held.law,
            renews=held.renews,
            starts_on=on,
            ends_on=ends_on,
            time_zone=zone,
        )
