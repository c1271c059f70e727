"""A promise to pay: until the morning after the promised day nothing is shut and nobody is reminded.

1. It is made about what is overdue, case by case; each case takes as many promises as the policy says, in a row.
2. Reminders that fall before its end are spared. Of the charges planned until then one is left, on the promised day.
3. Restrictions and what ends the ladder wait for the morning after. What is planned later stays on its day.
4. On the morning after, whoever has not paid is told, and is where they would have been without it.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection, func, insert, select

from portillon_cloud import outbox, timers
from portillon_cloud.access import store as access_store
from portillon_cloud.access.account_lock import lock_account
from portillon_cloud.clock.local import local_date
from portillon_cloud.dunning import ladder, store
from portillon_cloud.dunning.errors import PromiseRefusedError, WhyNoPromise
from portillon_cloud.dunning.ladder import StepKind
from portillon_cloud.dunning.operations import DUNNING_STEP, RETRY, cancel_steps, review_account
from portillon_cloud.dunning.tables import dunning_case, dunning_promise
from portillon_cloud.payments.errors import RequestKeyReusedError
from portillon_cloud.payments.tables import LIVE_INTENT, payment_intent

_SPARED = (StepKind.REMINDER, StepKind.PROMISE)


@dataclass(frozen=True, slots=True, kw_only=True)
class PromiseTaken:
    """Who took whose word for which day. The same `request_key` twice is one promise."""

    organisation_id: int
    account_id: int
    pay_on: date
    by: str
    request_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """A promise about one invoice; `until_ms`: the morning after."""

    invoice_id: int
    pay_on: date
    until_ms: int


def take_promise(conn: Connection, taken: PromiseTaken, *, now_ms: int) -> list[Promise]:
    """Take the payer's word for everything that is overdue, as far as the policy allows; what was promised.

    Raises PromiseRefusedError (its `why`), RequestKeyReusedError.
    """
    lock_account(conn, taken.account_id)
    before = _taken_before(conn, taken)
    if before:
        return before
    going_by = access_store.collection(conn, taken.organisation_id)
    today = local_date(now_ms, going_by.zone)
    most = going_by.policy.promise_days
    if going_by.policy.promises == 0 or most == 0:
        raise PromiseRefusedError(WhyNoPromise.NOT_TAKEN)
    if not today <= taken.pay_on <= today + timedelta(days=most):
        raise PromiseRefusedError(WhyNoPromise.DAY, last_on=today + timedelta(days=most))
    cases = [one for one in store.open_cases(conn, taken.account_id) if one.organisation_id == taken.organisation_id]
    if not cases:
        raise PromiseRefusedError(WhyNoPromise.NOTHING_OVERDUE)
    may = [one for one in cases if _promises(conn, one.id) < going_by.policy.promises]
    if not may:
        raise PromiseRefusedError(WhyNoPromise.GIVEN_BEFORE)
    promised = [_promise(conn, one, taken, today, going_by.zone, now_ms) for one in may]
    review_account(conn, organisation_id=taken.organisation_id, account_id=taken.account_id, now_ms=now_ms)
    outbox.account_changed(conn, taken.organisation_id, taken.account_id)
    return promised


def _promise(conn: Connection, case: store.Case, taken: PromiseTaken, today: date, zone: str, now_ms: int) -> Promise:
    over_on = taken.pay_on + timedelta(days=1)
    until_ms = ladder.step_ms(over_on, zone)
    conn.execute(
        insert(dunning_promise).values(
            organisation_id=case.organisation_id,
            case_id=case.id,
            pay_on=taken.pay_on,
            until_ms=until_ms,
            taken_at_ms=now_ms,
            taken_by=taken.by,
            request_key=taken.request_key,
        )
    )
    coming = [one for one in store.steps_to_come(conn, case.id) if _waits(one, taken.pay_on)]
    cancel_steps(conn, case.organisation_id, coming)
    _schedule(conn, store.add_step(conn, case, StepKind.PROMISE, over_on), case, zone, now_ms)
    retries = [one for one in coming if one.kind is StepKind.RETRY]
    for one in coming:
        if one.kind in _SPARED or one in retries[:-1]:
            store.step_done(conn, one.id, now_ms)
        else:
            on = taken.pay_on if one.kind is StepKind.RETRY else over_on
            _schedule(conn, store.postpone_step(conn, one, on), case, zone, now_ms)
    return Promise(invoice_id=case.invoice_id, pay_on=taken.pay_on, until_ms=until_ms)


def _waits(step: store.Step, pay_on: date) -> bool:
    """Whether the promise holds the step; of the morning after only what would be said twice."""
    return step.planned_on <= (pay_on + timedelta(days=1) if step.kind in _SPARED else pay_on)


def _schedule(conn: Connection, step: store.Step, case: store.Case, zone: str, now_ms: int) -> None:
    retry = step.kind is StepKind.RETRY
    intent_id = select(func.min(payment_intent.c.id)).where(payment_intent.c.invoice_id == case.invoice_id, LIVE_INTENT)
    subject_id = conn.scalar(intent_id) if retry else step.id
    if subject_id is not None:
        timers.schedule(
            conn,
            organisation_id=case.organisation_id,
            kind=RETRY if retry else DUNNING_STEP,
            subject_id=subject_id,
            due_at_ms=max(ladder.step_ms(step.planned_on, zone), now_ms),
            key=step.timer_key,
        )


def _promises(conn: Connection, case_id: int) -> int:
    counted = select(func.count()).select_from(dunning_promise).where(dunning_promise.c.case_id == case_id)
    return int(conn.execute(counted).scalar_one())


def _taken_before(conn: Connection, taken: PromiseTaken) -> list[Promise]:
    rows = conn.execute(
        select(dunning_promise, dunning_case.c.invoice_id, dunning_case.c.account_id)
        .join(dunning_case, dunning_case.c.id == dunning_promise.c.case_id)
        .where(
            dunning_promise.c.organisation_id == taken.organisation_id,
            dunning_promise.c.request_key == taken.request_key,
        )
        .order_by(dunning_promise.c.id)
    ).all()
    if any((row.account_id, row.pay_on) != (taken.account_id, taken.pay_on) for row in rows):
        raise RequestKeyReusedError(f"request key {taken.request_key!r} was used for another promise; use a new key")
    return [Promise(invoice_id=row.invoice_id, pay_on=row.pay_on, until_ms=row.until_ms) for row in rows]
