"""Open a case when a charge fails, take its steps, close it on payment. Callers own the transaction.

The case and its steps are rows, the restriction is a block; what is shut is always derived anew from what is owed, so
that paying one of two invoices, or paying twice, or failing twice, ends in the right place.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from portillon_cloud import outbox, timers, webhooks
from portillon_cloud.access import operations as access
from portillon_cloud.access import store as access_store
from portillon_cloud.access.account_lock import lock_account
from portillon_cloud.access.blocks import BlockReason, Switch
from portillon_cloud.access.grace_given import spared_until
from portillon_cloud.clock.local import local_date
from portillon_cloud.dunning import ladder, store
from portillon_cloud.dunning.correspondence import send
from portillon_cloud.dunning.failures import RETRIES_CURE, failure_class
from portillon_cloud.dunning.ladder import LetterKind, StepKind
from portillon_cloud.dunning.policy import DunningPolicy
from portillon_cloud.payments.owed import overdue_minor
from portillon_cloud.payments.pay_link import PayLinks

DUNNING_STEP = "dunning_step"
"""Kind of the timers of reminders and restrictions; the subject is the step."""

DUNNING_REVIEW = "dunning_review"
"""Kind of the timers that review an account between steps; the subject is the account."""

RETRY = "charge"
"""Kind of the timers of retries, which are charges; the subject is the intent (payments.settling.CHARGE)."""

SOURCE = "dunning"
"""Source of the block that dunning places, and alone may end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A charge that failed; `code` says why."""

    organisation_id: int
    account_id: int
    invoice_id: int
    intent_id: int
    code: str


def charge_failed(conn: Connection, failure: Failure, *, retries: bool, now_ms: int) -> None:
    """Open the invoice's case, or note one more failure in it. `retries` False: this card can never work.

    A case keeps the ladder that it began with; what a retry cannot cure takes its retries away.
    """
    going_by = access_store.collection(conn, failure.organisation_id)
    today = local_date(now_ms, going_by.zone)
    kind = failure_class(failure.code)
    retries = retries and kind in RETRIES_CURE
    known = store.open_case(conn, failure.invoice_id)
    if known is not None:
        store.retries_taken(conn, known.id, now_ms, today)
        if not retries and known.retries:
            _stop_retries(conn, known)
        return
    starts_on = max(store.due_on(conn, failure.invoice_id), today)
    case = store.insert_case(
        conn,
        organisation_id=failure.organisation_id,
        account_id=failure.account_id,
        invoice_id=failure.invoice_id,
        cause=failure.code,
        failure=kind,
        starts_on=starts_on,
        retries=retries,
        now_ms=now_ms,
    )
    way_down = going_by.policy.ladder_for(kind)
    planned = store.insert_steps(conn, case, ladder.steps(way_down, starts_on, retries=retries))
    timers.schedule_many(
        conn,
        [
            timers.NewTimer(
                organisation_id=failure.organisation_id,
                kind=RETRY if step.kind is StepKind.RETRY else DUNNING_STEP,
                subject_id=failure.intent_id if step.kind is StepKind.RETRY else step.id,
                due_at_ms=max(ladder.step_ms(step.planned_on, going_by.zone), now_ms),
                key=step.timer_key,
            )
            for step in planned
        ],
    )
    review_if_shut(conn, organisation_id=failure.organisation_id, account_id=failure.account_id, now_ms=now_ms)
    outbox.account_changed(conn, failure.organisation_id, failure.account_id)
    changed = webhooks.EventKind.STANDING_CHANGED
    webhooks.tell(conn, changed, failure.organisation_id, [failure.account_id], at_ms=now_ms)


def action_required(conn: Connection, failure: Failure, *, now_ms: int) -> None:
    """The payer must confirm with their bank: tell them at once; retries of ours would not help.

    It is a step of the case, so that of two letters of that moment this one is sent, with the link to their page.
    """
    charge_failed(conn, failure, retries=False, now_ms=now_ms)
    case = store.open_case(conn, failure.invoice_id)
    if case is not None:
        today = local_date(now_ms, access_store.collection(conn, failure.organisation_id).zone)
        step = store.add_step(conn, case, StepKind.REMINDER, today, LetterKind.ACTION_REQUIRED)
        timers.schedule(
            conn,
            organisation_id=failure.organisation_id,
            kind=DUNNING_STEP,
            subject_id=step.id,
            due_at_ms=now_ms,
            key=step.timer_key,
        )


def paid(conn: Connection, *, organisation_id: int, account_id: int, now_ms: int) -> None:
    """Something was paid: close the cases of what is no longer overdue and let in again who may."""
    last_closed = None
    today = local_date(now_ms, access_store.collection(conn, organisation_id).zone)
    for case in store.open_cases(conn, account_id):
        if overdue_minor(conn, case.invoice_id, today) > 0:
            continue
        cancel_steps(conn, organisation_id, store.steps_to_come(conn, case.id))
        store.close_case(conn, case.id, now_ms)
        last_closed = case
    opened_again = review_account(conn, organisation_id=organisation_id, account_id=account_id, now_ms=now_ms)
    if last_closed is not None and not opened_again:
        webhooks.tell(conn, webhooks.EventKind.STANDING_CHANGED, organisation_id, [account_id], at_ms=now_ms)
    if opened_again and last_closed is not None:
        send(conn, last_closed, LetterKind.RESTORED, now_ms=now_ms)


def review_account(conn: Connection, *, organisation_id: int, account_id: int, now_ms: int) -> bool:
    """Make dunning's blocks what the debts call for at this instant; True if access is open that was shut by them."""
    lock_account(conn, account_id)
    going_by = access_store.collection(conn, organisation_id)
    owed = access_store.debts(conn, [account_id], going_by.policy.household).get(account_id, [])
    spared = spared_until(conn, [account_id]).get(account_id, 0) > now_ms
    off = {} if spared else ladder.off_for(going_by.policy, owed, going_by.zone, now_ms)
    was = store.blocks_open(conn, account_id, SOURCE)
    for whom in [whom for whom in {**was, **off} if was.get(whom) != off.get(whom)]:
        if whom in was:
            access.end_block(
                conn,
                organisation_id=organisation_id,
                account_id=account_id,
                reason=BlockReason.DUES_UNPAID,
                source=SOURCE,
                at_ms=now_ms,
                member_id=whom,
            )
        if whom in off:
            access.put_block(
                conn,
                organisation_id=organisation_id,
                account_id=account_id,
                reason=BlockReason.DUES_UNPAID,
                source=SOURCE,
                from_ms=now_ms,
                member_id=whom,
                switches=off[whom],
            )
    return bool(_shut_out(was)) and not _shut_out(off)


def review_if_shut(conn: Connection, *, organisation_id: int, account_id: int, now_ms: int) -> None:
    """Something speaks for the debts that did not before, a debit under way or a new grace: dues may shut less."""
    if store.blocks_open(conn, account_id, SOURCE):
        review_account(conn, organisation_id=organisation_id, account_id=account_id, now_ms=now_ms)


def watch_account(conn: Connection, *, organisation_id: int, account_id: int) -> None:
    """Have the account reviewed when its debts would next shut something though no ladder step falls on that instant.

    So it is with a debit that stays under way past its policy date, with a charge parked in doubt, and with grace that
    somebody gave.
    """
    going_by = access_store.collection(conn, organisation_id)
    owed = access_store.debts(conn, [account_id], going_by.policy.household).get(account_id, [])
    spared_ms = spared_until(conn, [account_id]).get(account_id, 0)
    for shut_ms in sorted(ladder.turns_ms(going_by.policy, owed, going_by.zone)):
        at_ms = max(shut_ms, spared_ms)
        timers.schedule(
            conn,
            organisation_id=organisation_id,
            kind=DUNNING_REVIEW,
            subject_id=account_id,
            due_at_ms=at_ms,
            key=f"dunning:account-{account_id}:review-{at_ms}",
        )


def take_review(work: timers.Work, claimed: timers.Timer) -> None:
    """Timer handler: what `watch_account` scheduled, or a policy that changed."""
    with work.db.write() as conn:
        organisation_id, account_id = claimed.organisation_id, claimed.subject_id
        restrict(conn, organisation_id=organisation_id, account_id=account_id, now_ms=work.now_ms)
        watch_account(conn, organisation_id=organisation_id, account_id=account_id)
        timers.finish(conn, claimed)


def restrict(
    conn: Connection, *, organisation_id: int, account_id: int, now_ms: int, links: PayLinks | None = None
) -> None:
    """Review the account, and tell the payer if that shuts the door."""
    lock_account(conn, account_id)
    was = _shut_out(store.blocks_open(conn, account_id, SOURCE))
    review_account(conn, organisation_id=organisation_id, account_id=account_id, now_ms=now_ms)
    shut = _shut_out(store.blocks_open(conn, account_id, SOURCE))
    cases = store.open_cases(conn, account_id)
    if cases and shut - was:
        send(conn, cases[0], LetterKind.SUSPENDED, now_ms=now_ms, links=links)


def contract_ended(conn: Connection, *, organisation_id: int, subscription_id: int) -> None:
    """Somebody left at once: no card is tried again for what they still owe, which a person may ask for."""
    for case in store.cases_billing(conn, organisation_id, subscription_id):
        if case.retries:
            lock_account(conn, case.account_id)
            _stop_retries(conn, case)


def set_policy(conn: Connection, organisation_id: int, policy: DunningPolicy, *, now_ms: int) -> None:
    """Choose the organisation's ladders. Cases that are open keep their steps, but what is shut goes by the new ones.

    Raises GraceTooShortError.
    """
    access.check_policy(conn, organisation_id, policy)
    store.put_policy(conn, organisation_id, policy)
    outbox.everything_changed(conn, organisation_id)
    timers.schedule_many(
        conn,
        [
            timers.NewTimer(
                organisation_id=organisation_id,
                kind=DUNNING_REVIEW,
                subject_id=account_id,
                due_at_ms=now_ms,
                key=f"dunning:account-{account_id}:policy-{now_ms}",
            )
            for account_id in store.accounts_in_arrears(conn, organisation_id)
        ],
    )


def cancel_steps(conn: Connection, organisation_id: int, steps: list[store.Step]) -> None:
    """Nobody takes these steps."""
    for step in steps:
        timers.cancel(conn, organisation_id=organisation_id, key=step.timer_key)


def _shut_out(off: Mapping[int | None, frozenset[Switch]]) -> set[int | None]:
    """For whom the door is shut; None: for everybody of the account."""
    return {whom for whom, switches in off.items() if Switch.ACCESS in switches}


def _stop_retries(conn: Connection, case: store.Case) -> None:
    cancel_steps(conn, case.organisation_id, store.steps_to_come(conn, case.id, StepKind.RETRY))
    store.give_up_retries(conn, case.id)
