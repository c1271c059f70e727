"""Change a subscription: ask the machine, record its answer, and write at once what it changes of the bills.

Everything is one transaction: the events, the credit notes and invoices they lead to, what those settle, the blocks
that a freeze means, the timer of the next run, and word to the gateways.
"""

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from portillon_cloud import outbox
from portillon_cloud.access import operations as access
from portillon_cloud.access.account_lock import lock_account
from portillon_cloud.access.blocks import BlockReason, Switch
from portillon_cloud.billing import credit_store, event_store, invoice_store
from portillon_cloud.billing.catalogue import Price, prices_of_entity
from portillon_cloud.billing.credit_note import CreditDraft
from portillon_cloud.billing.errors import BillsInDoubtError, SubscriptionRefusedError, UnknownSubscriptionError
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.invoice import Draft
from portillon_cloud.billing.invoice_run import Due, drafts_of, due_rows
from portillon_cloud.billing.invoice_store import Seller
from portillon_cloud.billing.life import Recorded, frozen_spans
from portillon_cloud.billing.parking import DOCUMENTS_MOST
from portillon_cloud.billing.payers import bill_beside_payer, payers_of
from portillon_cloud.billing.planning import plan_invoice_run
from portillon_cloud.billing.proration import Proration
from portillon_cloud.billing.reckoning import Reckoned, keep_standing, reckon_one
from portillon_cloud.billing.subscription import Answer, Decided, Refused
from portillon_cloud.billing.tables import subscription
from portillon_cloud.billing.timeline import Shared, Tariff
from portillon_cloud.clock.local import local_date, start_of_day_ms
from portillon_cloud.payments.credit import use_credit
from portillon_cloud.visits.from_plans import keep_plan_visits

Ask = Callable[[Sequence[Recorded], datetime.date], Answer]
"""What is asked of a subscription: from what is recorded of it and today, the machine's answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a change leads to now, for the account and for who pays a part; written, or only shown."""

    account_id: int
    invoices: tuple[Draft, ...]
    credit_notes: tuple[CreditDraft, ...]
    next_invoice_on: datetime.date | None
    ends_on: datetime.date | None

    @property
    def owed_more_minor(self) -> int:
        """What the account itself owes more than before, with taxes; negative: what comes back."""
        own, back = self.account_id, self.credit_notes
        invoiced = sum(draft.total_minor for draft in self.invoices if draft.buyer.account_id == own)
        return invoiced - sum(draft.taxed.total_minor for draft in back if draft.invoice.account_id == own)

    @property
    def account_ids(self) -> Sequence[int]:
        """Everybody whose bills it changes."""
        invoiced = {draft.buyer.account_id for draft in self.invoices}
        return sorted({self.account_id} | invoiced | {draft.invoice.account_id for draft in self.credit_notes})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Whole:
    """One subscription with everything that its bills are made of."""

    row: Due
    organisation_id: int
    seller: Seller
    prices: Mapping[int, Price]
    recorded: Sequence[Recorded]
    policy: Proration


def change(conn: Connection, *, organisation_id: int, subscription_id: int, ask: Ask, author: Author) -> Outcome:
    """Do what is asked. Raises UnknownSubscriptionError, SubscriptionRefusedError, BillsInDoubtError."""
    _lock(conn, organisation_id, subscription_id)
    whole, today, decided, reckoned = _asked(conn, organisation_id, subscription_id, ask, author.at_ms)
    event_store.record(
        conn, organisation_id=organisation_id, subscription_id=subscription_id, decided=decided, author=author
    )
    outcome = _outcome(conn, whole, reckoned, today)
    for account_id in outcome.account_ids:
        lock_account(conn, account_id)
    keep_standing(conn, subscription_id, reckoned.standing)
    invoice_store.issue(conn, whole.seller, outcome.invoices, issued_on=today, now_ms=author.at_ms)
    credit_store.issue_credit_notes(
        conn,
        whole.seller,
        outcome.credit_notes,
        reason=author.reason or "subscription changed",
        issued_on=today,
        now_ms=author.at_ms,
    )
    for account_id in outcome.account_ids:
        use_credit(conn, account_id, now_ms=author.at_ms)
    if any(isinstance(one.event, Shared) for one in (*whole.recorded, *_with(whole.recorded, decided))):
        bill_beside_payer(conn, whole.row.account_id, today)
    if outcome.next_invoice_on is not None:
        plan_invoice_run(
            conn,
            organisation_id=organisation_id,
            legal_entity_id=whole.seller.legal_entity_id,
            due_on=outcome.next_invoice_on,
            time_zone=whole.seller.time_zone,
            because=f"s{subscription_id}",
        )
    _block_freezes(conn, whole, decided, author.at_ms)
    keep_plan_visits(conn, organisation_id, [whole.row.account_id], author.at_ms)
    outbox.account_changed(conn, organisation_id, whole.row.account_id)
    return outcome


def preview(conn: Connection, *, organisation_id: int, subscription_id: int, ask: Ask, now_ms: int) -> Outcome:
    """What the same change would lead to now; nothing is written. Raises as `change`."""
    whole, today, _, reckoned = _asked(conn, organisation_id, subscription_id, ask, now_ms)
    return _outcome(conn, whole, reckoned, today)


def price_tariff(price: Price, *, quantity: int = 1) -> Tariff:
    """A price of the catalogue as a subscription carries it."""
    return Tariff(price_id=price.id, unit_minor=price.amount_minor, interval=price.interval, quantity=quantity)


def _asked(
    conn: Connection, organisation_id: int, subscription_id: int, ask: Ask, now_ms: int
) -> tuple[_Whole, datetime.date, Decided, Reckoned]:
    whole = _whole(conn, organisation_id, subscription_id)
    today = local_date(now_ms, whole.seller.time_zone)
    answer = ask(whole.recorded, today)
    if isinstance(answer, Refused):
        raise SubscriptionRefusedError(answer.why, answer.possible_on)
    after = _with(whole.recorded, answer)
    billed = event_store.billed(conn, [subscription_id], whole.prices).get(subscription_id, ())
    reckoned = reckon_one(after, billed, until_on=today, policy=whole.policy, prices=whole.prices)
    documents = len(reckoned.difference.lines) + len(reckoned.difference.credits)
    if documents > DOCUMENTS_MOST:
        raise BillsInDoubtError(
            f"subscription {subscription_id} would have {documents} lines and credits at once, more than any change "
            f"explains (at most {DOCUMENTS_MOST}): look at its invoices first"
        )
    return whole, today, answer, reckoned


def _lock(conn: Connection, organisation_id: int, subscription_id: int) -> None:
    """Hold the subscription, then its account: as the invoice run does, or the two could wait for each other."""
    account_id = conn.scalar(
        select(subscription.c.account_id)
        .where(subscription.c.id == subscription_id, subscription.c.organisation_id == organisation_id)
        .with_for_update()
    )
    if account_id is not None:
        lock_account(conn, account_id)


def _whole(conn: Connection, organisation_id: int, subscription_id: int) -> _Whole:
    owner = conn.execute(
        select(subscription.c.legal_entity_id, subscription.c.proration).where(
            subscription.c.id == subscription_id, subscription.c.organisation_id == organisation_id
        )
    ).one_or_none()
    if owner is None:
        raise UnknownSubscriptionError(f"organisation {organisation_id} has no subscription {subscription_id}")
    return _Whole(
        row=conn.execute(due_rows().where(subscription.c.id == subscription_id)).one(),
        organisation_id=organisation_id,
        seller=invoice_store.seller(conn, owner.legal_entity_id),
        prices=prices_of_entity(conn, owner.legal_entity_id),
        recorded=event_store.recorded(conn, [subscription_id])[subscription_id],
        policy=Proration(owner.proration),
    )


def _with(recorded: Sequence[Recorded], decided: Decided) -> Sequence[Recorded]:
    """What will be recorded; ids of events that are not written yet follow the known ones."""
    kept = [one for one in recorded if one.id not in decided.withdraw]
    last = max((one.id for one in recorded), default=0)
    return [*kept, *(Recorded(last + index, event) for index, event in enumerate(decided.record, start=1))]


def _outcome(conn: Connection, whole: _Whole, reckoned: Reckoned, today: datetime.date) -> Outcome:
    credits, one = reckoned.difference.credits, {whole.row.id: reckoned}
    return Outcome(
        account_id=whole.row.account_id,
        invoices=tuple(drafts_of([whole.row], one, whole.prices, whole.seller, today, payers_of(conn, one))),
        credit_notes=tuple(credit_store.drafts_for(conn, credits)) if credits else (),
        next_invoice_on=reckoned.standing.next_invoice_on,
        ends_on=reckoned.standing.ends_on,
    )


def _block_freezes(conn: Connection, whole: _Whole, decided: Decided, now_ms: int) -> None:
    """While frozen the member does not pass: one block for each freeze, ended and placed anew with it."""
    zone = whole.seller.time_zone
    account_id, member_id = whole.row.account_id, whole.row.member_id
    before, after = frozen_spans(whole.recorded), frozen_spans(_with(whole.recorded, decided))
    for span in set(before) - set(after):
        access.end_block(
            conn,
            organisation_id=whole.organisation_id,
            account_id=account_id,
            reason=BlockReason.FROZEN,
            source=f"freeze:{whole.row.id}:{span.start.day}",
            at_ms=now_ms,
            member_id=member_id,
        )
    for span in set(after) - set(before):
        access.plan_block(
            conn,
            organisation_id=whole.organisation_id,
            account_id=account_id,
            reason=BlockReason.FROZEN,
            source=f"freeze:{whole.row.id}:{span.start.day}",
            from_ms=start_of_day_ms(span.start.day, zone),
            until_ms=start_of_day_ms(span.end.day, zone),
            member_id=member_id,
            switches=frozenset({Switch.ACCESS}),  # what recurs is the engine's to stop: the fee goes on
        )
