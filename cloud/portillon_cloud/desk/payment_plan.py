"""Agree that a debt is paid in parts, and see to it that it is: kept, or broken and the whole rest is due.

1. A plan takes what is overdue; each part is an intent of its own with its day, and the old intents are replaced.
2. From then on nothing is overdue: dunning ends, the door opens, and each part is charged or taken on its day.
3. A part that is not paid `tolerance_days` after its day breaks the plan: the rest is due at once, and dunning begins.
4. A part that is being charged is not late.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from portillon_cloud import outbox, timers
from portillon_cloud.access.account_lock import lock_account
from portillon_cloud.billing.tables import invoice
from portillon_cloud.clock.local import local_date
from portillon_cloud.database.rows import insert_one
from portillon_cloud.desk.errors import DeskLimitError, PlanAlreadyAgreedError, PlanInvalidError
from portillon_cloud.desk.instalments import Every, Instalment, apportioned, instalments
from portillon_cloud.desk.letters import PlanLetter, write_plan_letter
from portillon_cloud.desk.policy import limits, policy_of
from portillon_cloud.desk.tables import PlanState, payment_plan, payment_plan_part
from portillon_cloud.dunning import operations as dunning
from portillon_cloud.dunning import store as cases
from portillon_cloud.dunning.ladder import step_ms
from portillon_cloud.members.organisations import time_zone_of
from portillon_cloud.members.tables import account, legal_entity
from portillon_cloud.money import Money
from portillon_cloud.payments import settling, store
from portillon_cloud.payments.desk import end_charging
from portillon_cloud.payments.errors import (
    ChargeUnderWayError,
    NothingOwedError,
    RequestKeyReusedError,
    UnknownAccountError,
)
from portillon_cloud.payments.owed import unpaid_invoices
from portillon_cloud.payments.tables import AttemptState, IntentState, payment_intent

PLAN_CHECK = "payment_plan_check"
"""Kind of the timers that look whether an instalment was paid; the subject is the plan."""

DAY_MS = 24 * 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanAsked:
    """What is agreed: all that is overdue, in `count` parts from `first_on` on."""

    organisation_id: int
    account_id: int
    count: int
    first_on: date
    every: Every
    by: str
    reason: str
    request_key: str
    owner: bool = False


def preview(conn: Connection, asked: PlanAsked, *, now_ms: int) -> tuple[Money, tuple[Instalment, ...]]:
    """What it would come to: the whole debt and its parts.

    Raises NothingOwedError, DeskLimitError, PlanInvalidError, UnknownAccountError.
    """
    currency, today = _currency(conn, asked), local_date(now_ms, time_zone_of(conn, asked.organisation_id))
    unpaid = [one for one in unpaid_invoices(conn, asked.account_id) if one.currency == currency]
    debt = Money(sum(one.owed_minor for one in unpaid if one.due_on <= today), currency)
    if debt.amount_minor == 0:
        raise NothingOwedError(f"account {asked.account_id} owes nothing that is due: there is nothing to pay in parts")
    most = limits(conn, asked.organisation_id, owner=asked.owner)
    if not 2 <= asked.count <= debt.amount_minor:
        raise PlanInvalidError(f"{asked.count} instalments: agree on 2 at least, of a cent at least")
    if asked.count > most.instalments_most:
        raise DeskLimitError(f"a plan has {most.instalments_most} instalments at most")
    parts = instalments(debt.amount_minor, asked.count, asked.first_on, asked.every)
    if asked.first_on < today:
        raise PlanInvalidError(f"{asked.first_on} has gone by: the first instalment is due from {today} on")
    if (parts[-1].due_on - today).days > most.plan_days_most:
        raise DeskLimitError(f"a plan ends within {most.plan_days_most} days, by {today + _days(most.plan_days_most)}")
    return debt, parts


def agree(conn: Connection, asked: PlanAsked, *, now_ms: int) -> int:
    """Agree on it; its id. The same request key is the same plan.

    Raises as `preview`, and PlanAlreadyAgreedError, ChargeUnderWayError, RequestKeyReusedError.
    """
    lock_account(conn, asked.account_id)
    before = _agreed_before(conn, asked)
    if before is not None:
        return before
    _refuse_second(conn, asked, now_ms=now_ms)
    debt, parts = preview(conn, asked, now_ms=now_ms)
    zone = time_zone_of(conn, asked.organisation_id)
    plan_id = insert_one(
        conn,
        payment_plan,
        organisation_id=asked.organisation_id,
        account_id=asked.account_id,
        total_minor=debt.amount_minor,
        currency=debt.currency,
        agreed_at_ms=now_ms,
        agreed_by=asked.by,
        reason=asked.reason,
        request_key=asked.request_key,
        state=PlanState.AGREED,
        ended_at_ms=None,
    )
    bills = _overdue(conn, asked, debt.currency, local_date(now_ms, zone))
    for intent, _ in bills:
        if intent.state is IntentState.PARKED:
            raise ChargeUnderWayError(f"a charge of invoice {intent.invoice_id} is in doubt: look at it first")
        end_charging(conn, intent, code="paid_in_parts", now_ms=now_ms)
        store.set_intent_state(conn, intent.id, IntentState.REPLACED)
    for part, intent, minor in apportioned(parts, bills):
        made = _insert(conn, intent, amount_minor=minor, due_on=part.due_on, now_ms=now_ms)
        insert_one(
            conn,
            payment_plan_part,
            organisation_id=asked.organisation_id,
            plan_id=plan_id,
            number=part.number,
            due_on=part.due_on,
            invoice_id=made.invoice_id,
            position=made.position,
            amount_minor=minor,
        )
        at_ms = max(now_ms, step_ms(part.due_on, zone))
        settling.schedule_charge(conn, made, at_ms=at_ms, purpose=f"plan-{plan_id}")
    tolerance = _days(policy_of(conn, asked.organisation_id).tolerance_days + 1)
    for part in parts:
        _check_at(conn, asked.organisation_id, plan_id, step_ms(part.due_on + tolerance, zone))
    _end_dunning(conn, asked, {intent.invoice_id for intent, _ in bills}, now_ms=now_ms)
    who = {"organisation_id": asked.organisation_id, "account_id": asked.account_id}
    write_plan_letter(conn, PlanLetter.AGREED, **who, plan_id=plan_id, parts=parts, debt=debt, now_ms=now_ms)
    outbox.account_changed(conn, asked.organisation_id, asked.account_id)
    return plan_id


def check_when_due(work: timers.Work, claimed: timers.Timer) -> None:
    """Timer handler: an instalment should have been paid by now."""
    with work.db.write() as conn:
        check(conn, claimed.organisation_id, claimed.subject_id, now_ms=work.now_ms)
        timers.finish(conn, claimed)


def check(conn: Connection, organisation_id: int, plan_id: int, *, now_ms: int) -> PlanState:
    """Whether the plan is kept so far; a broken one makes the whole rest due now."""
    plan = payment_plan.c
    ours = (plan.id == plan_id, plan.organisation_id == organisation_id)
    lock_account(conn, conn.execute(select(plan.account_id).where(*ours)).scalar_one())
    row = conn.execute(select(payment_plan).where(*ours)).one()
    if row.state != PlanState.AGREED:
        return PlanState(row.state)
    left = unpaid_parts(conn, plan_id)
    if not left:
        return _end(conn, plan_id, PlanState.KEPT, now_ms)
    zone = time_zone_of(conn, organisation_id)
    late_from = local_date(now_ms, zone) - _days(policy_of(conn, organisation_id).tolerance_days)
    late = [one for one in left if one.due_on is not None and one.due_on < late_from]
    if any(_being_charged(conn, one) for one in late):
        _check_at(conn, organisation_id, plan_id, now_ms + DAY_MS)
    elif late:
        _break(conn, row, left, due_on=min(one.due_on for one in late if one.due_on is not None), now_ms=now_ms)
        return _end(conn, plan_id, PlanState.BROKEN, now_ms)
    return PlanState.AGREED


def unpaid_parts(conn: Connection, plan_id: int) -> list[store.Intent]:
    """The live intents of a plan's parts, the one due first first."""
    part = payment_plan_part.c
    wanted = {
        (row.invoice_id, row.position)
        for row in conn.execute(select(part.invoice_id, part.position).where(part.plan_id == plan_id))
    }
    account_id = conn.execute(select(payment_plan.c.account_id).where(payment_plan.c.id == plan_id)).scalar_one()
    return [one for one in store.lock_live_intents(conn, account_id) if (one.invoice_id, one.position) in wanted]


def _break(conn: Connection, plan: Row[Any], left: Sequence[store.Intent], *, due_on: date, now_ms: int) -> None:
    of_invoice: defaultdict[int, list[store.Intent]] = defaultdict(list)
    for intent in left:
        if not _being_charged(conn, intent):
            of_invoice[intent.invoice_id].append(intent)
    rest_minor = 0
    for intents in of_invoice.values():
        whole_minor = sum(store.owed_of(conn, one) for one in intents)
        rest_minor += whole_minor
        for intent in intents:
            end_charging(conn, intent, code="plan_broken", now_ms=now_ms)
            store.set_intent_state(conn, intent.id, IntentState.REPLACED)
        made = _insert(conn, intents[0], amount_minor=whole_minor, due_on=due_on, now_ms=now_ms)
        settling.schedule_charge(conn, made, at_ms=now_ms, purpose=f"plan-{plan.id}-broken")
    who = {"organisation_id": plan.organisation_id, "account_id": plan.account_id}
    dunning.review_account(conn, **who, now_ms=now_ms)
    rest = Money(rest_minor, plan.currency)
    write_plan_letter(conn, PlanLetter.BROKEN, **who, plan_id=plan.id, parts=(), debt=rest, now_ms=now_ms)
    outbox.account_changed(conn, plan.organisation_id, plan.account_id)


def _end_dunning(conn: Connection, asked: PlanAsked, invoice_ids: set[int], *, now_ms: int) -> None:
    """What was overdue is not any more. Nobody is thanked for a payment: none has come."""
    for case in cases.open_cases(conn, asked.account_id):
        if case.invoice_id in invoice_ids:
            dunning.cancel_steps(conn, asked.organisation_id, cases.steps_to_come(conn, case.id))
            cases.close_case(conn, case.id, now_ms)
    dunning.review_account(conn, organisation_id=asked.organisation_id, account_id=asked.account_id, now_ms=now_ms)


def _insert(conn: Connection, like: store.Intent, *, amount_minor: int, due_on: date, now_ms: int) -> store.Intent:
    """A part at a position of its own: no timer of what it replaces finds it."""
    last = conn.scalar(
        select(func.max(payment_intent.c.position)).where(payment_intent.c.invoice_id == like.invoice_id)
    )
    one = replace(like, amount_minor=amount_minor, due_on=due_on, position=(last or 0) + 1)
    return store.insert_intent(conn, one, now_ms)


def _overdue(conn: Connection, asked: PlanAsked, currency: str, today: date) -> list[tuple[store.Intent, int]]:
    intents = store.lock_live_intents(conn, asked.account_id)
    due = {
        row.id
        for row in conn.execute(
            select(payment_intent.c.id)
            .join(invoice, invoice.c.id == payment_intent.c.invoice_id)
            .where(payment_intent.c.id.in_([one.id for one in intents]), store.due_day() <= today)
        )
    }
    found = [one for one in intents if one.id in due and one.currency == currency]
    return [(one, store.owed_of(conn, one)) for one in found]


def _being_charged(conn: Connection, intent: store.Intent) -> bool:
    live = store.live_attempt(conn, intent.id)
    return live is not None and live.state is not AttemptState.PROVIDER_DOWN


def _refuse_second(conn: Connection, asked: PlanAsked, *, now_ms: int) -> None:
    plan = payment_plan.c
    running = conn.scalar(
        select(plan.id).where(
            plan.organisation_id == asked.organisation_id,
            plan.account_id == asked.account_id,
            plan.state == PlanState.AGREED,
        )
    )
    if running is not None and check(conn, asked.organisation_id, running, now_ms=now_ms) is PlanState.AGREED:
        raise PlanAlreadyAgreedError(f"account {asked.account_id} pays by plan {running} already")


def _agreed_before(conn: Connection, asked: PlanAsked) -> int | None:
    plan = payment_plan.c
    row = conn.execute(
        select(plan.id, plan.account_id).where(
            plan.organisation_id == asked.organisation_id, plan.request_key == asked.request_key
        )
    ).one_or_none()
    if row is None:
        return None
    if row.account_id != asked.account_id:
        raise RequestKeyReusedError(f"request key {asked.request_key!r} was used for another account; use a new one")
    return int(row.id)


def _currency(conn: Connection, asked: PlanAsked) -> str:
    found: str | None = conn.scalar(
        select(legal_entity.c.currency)
        .join(account, account.c.legal_entity_id == legal_entity.c.id)
        .where(account.c.id == asked.account_id, account.c.organisation_id == asked.organisation_id)
    )
    if found is None:
        raise UnknownAccountError(f"organisation {asked.organisation_id} has no account {asked.account_id}")
    return found


def _end(conn: Connection, plan_id: int, state: PlanState, now_ms: int) -> PlanState:
    conn.execute(update(payment_plan).where(payment_plan.c.id == plan_id).values(state=state, ended_at_ms=now_ms))
    return state


def _check_at(conn: Connection, organisation_id: int, plan_id: int, at_ms: int) -> None:
    timers.schedule(
        conn,
        organisation_id=organisation_id,
        kind=PLAN_CHECK,
        subject_id=plan_id,
        due_at_ms=at_ms,
        key=f"payment-plan-{plan_id}:{at_ms}",
    )


def _days(count: int) -> timedelta:
    return timedelta(days=count)
