"""What each step of the ladder does when its day has come. Nothing is done in doubt: while something holds the case (a
dispute, a parked charge, a question, grace) what is not a restriction waits, and asks again the next morning.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import date, timedelta

from sqlalchemy import Connection, select

from portillon_cloud import timers
from portillon_cloud.access import store as access_store
from portillon_cloud.billing import changes
from portillon_cloud.billing.agreement import agreement_of
from portillon_cloud.billing.errors import BillsInDoubtError, SubscriptionRefusedError
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.life import Recorded, life_on
from portillon_cloud.billing.subscription import Answer, cancel
from portillon_cloud.billing.tables import invoice, invoice_line, subscription
from portillon_cloud.clock.local import local_date
from portillon_cloud.dunning import ladder, store
from portillon_cloud.dunning.correspondence import send
from portillon_cloud.dunning.holding import held
from portillon_cloud.dunning.ladder import LetterKind, StepKind
from portillon_cloud.dunning.operations import DUNNING_STEP, restrict
from portillon_cloud.dunning.tables import dunning_case
from portillon_cloud.payments.errors import ChargeUnderWayError, NothingOwedError
from portillon_cloud.payments.owed import overdue_minor
from portillon_cloud.payments.pay_link import PayLinks
from portillon_cloud.payments.write_off import WriteOff, write_off

_IN_DOUBT = (BillsInDoubtError, ChargeUnderWayError)


def take_step(work: timers.Work, claimed: timers.Timer, *, links: PayLinks | None = None) -> bool:
    """Timer handler: a step of the ladder is due. `links`: what its letters carry to the payer's page."""
    with work.db.write() as conn:
        step = store.step(conn, claimed.subject_id)
        if step is not None and not step.done:
            ending = _memberships(conn, step) if step.kind is StepKind.CANCELLATION else []
            case = store.lock_case(conn, step.case_id)
            if not case.closed:
                _take(conn, case, step, ending, work.now_ms, links)
        timers.finish(conn, claimed)
    return True


def _take(
    conn: Connection, case: store.Case, step: store.Step, ending: list[int], now_ms: int, links: PayLinks | None
) -> None:
    zone = access_store.collection(conn, case.organisation_id).zone
    today = local_date(now_ms, zone)
    if step.kind is StepKind.RESTRICTION:
        _restrict(conn, case, now_ms, links)
    elif held(conn, case, step.kind, zone, now_ms):
        _wait(conn, case, step, today)
        return
    elif step.kind is StepKind.PROMISE:
        send(conn, case, LetterKind.PROMISE_BROKEN, now_ms=now_ms, links=links)
        _restrict(conn, case, now_ms, links)
    elif step.kind is StepKind.REMINDER and step.letter is not None:
        if not store.later_reminder(conn, step, today):  # of two that waited only the sterner is sent
            send(conn, case, step.letter, now_ms=now_ms, links=links)
    elif _is_enough(conn, case, step.kind, today):
        try:
            with conn.begin_nested():
                _end(conn, case, step.kind, ending, now_ms, links)
        except _IN_DOUBT:
            _wait(conn, case, step, today)
            return
    store.step_done(conn, step.id, now_ms)


def _restrict(conn: Connection, case: store.Case, now_ms: int, links: PayLinks | None) -> None:
    own, account_id = case.organisation_id, case.account_id
    restrict(conn, organisation_id=own, account_id=account_id, now_ms=now_ms, links=links)


def _wait(conn: Connection, case: store.Case, step: store.Step, today: date) -> None:
    zone = access_store.collection(conn, case.organisation_id).zone
    moved = store.postpone_step(conn, step, today + timedelta(days=1))
    timers.schedule(
        conn,
        organisation_id=case.organisation_id,
        kind=DUNNING_STEP,
        subject_id=step.id,
        due_at_ms=ladder.step_ms(moved.planned_on, zone),
        key=moved.timer_key,
    )


def _is_enough(conn: Connection, case: store.Case, kind: StepKind, today: date) -> bool:
    """Whether the ladder, as it is now, ends so for what is overdue."""
    way_down = access_store.collection(conn, case.organisation_id).policy.ladder_for(case.failure)
    rung = dict(ladder.endings(way_down)).get(kind)
    currency = conn.execute(select(invoice.c.currency).where(invoice.c.id == case.invoice_id)).scalar_one()
    return rung is not None and overdue_minor(conn, case.invoice_id, today) >= rung.least_minor(currency)


def _end(
    conn: Connection, case: store.Case, kind: StepKind, ending: list[int], now_ms: int, links: PayLinks | None
) -> None:
    if kind is StepKind.HAND_OVER:
        store.hand_over(conn, case.id, now_ms)
        send(conn, case, LetterKind.HANDED_OVER, now_ms=now_ms, links=links)
    if kind is StepKind.CANCELLATION and ending:
        for subscription_id in ending:
            _cancel_membership(conn, case, subscription_id, now_ms)
        send(conn, case, LetterKind.CANCELLED_FOR_DUES, now_ms=now_ms, links=links)
    if kind is StepKind.WRITE_OFF:
        given_up = WriteOff(
            organisation_id=case.organisation_id,
            account_id=case.account_id,
            invoice_id=case.invoice_id,
            by="dunning",
            reason=f"unpaid since {case.starts_on}: the ladder's last step",
            request_key=f"dunning:case-{case.id}",
        )
        with suppress(NothingOwedError):
            write_off(conn, given_up, now_ms=now_ms)


def _memberships(conn: Connection, step: store.Step) -> list[int]:
    """The running subscriptions that the case's invoice bills, held before the account as every change of one does."""
    billed = (
        select(invoice_line.c.subscription_id)
        .join(dunning_case, dunning_case.c.invoice_id == invoice_line.c.invoice_id)
        .where(dunning_case.c.id == step.case_id)
    )
    rows = conn.execute(
        select(subscription.c.id)
        .where(subscription.c.id.in_(billed), subscription.c.state == "active")
        .order_by(subscription.c.id)
        .with_for_update()
    )
    return list(rows.scalars())


def _cancel_membership(conn: Connection, case: store.Case, subscription_id: int, now_ms: int) -> None:
    contract_id = select(subscription.c.contract_id).where(subscription.c.id == subscription_id)
    agreed = agreement_of(conn, conn.execute(contract_id).scalar_one())

    def ask(recorded: Sequence[Recorded], today: date) -> Answer:
        # The gym ends it, so neither term nor notice holds it back; days paid for and not had are credited.
        on = max(today, life_on(recorded, today).starts_on)
        return cancel(recorded, agreed, on=on, today=today, by_law=True)

    with suppress(SubscriptionRefusedError):  # it is over already
        changes.change(
            conn,
            organisation_id=case.organisation_id,
            subscription_id=subscription_id,
            ask=ask,
            author=Author(name="dunning", at_ms=now_ms, reason="dues unpaid"),
        )
