"""A reminder some days before an invoice or an instalment falls due, if the policy wants one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection, select

from portillon_cloud import timers
from portillon_cloud.access import store as access_store
from portillon_cloud.access.blocks import Switch
from portillon_cloud.access.operations import switched_off_now
from portillon_cloud.billing.tables import invoice
from portillon_cloud.clock.local import local_date
from portillon_cloud.dunning.correspondence import About, write_about
from portillon_cloud.dunning.ladder import LetterKind, step_ms
from portillon_cloud.payments import store
from portillon_cloud.payments.questions.holding import holds
from portillon_cloud.payments.tables import LIVE_INTENT, payment_intent

DUNNING_BEFORE_DUE = "dunning_before_due"
"""Kind of the timers of reminders before the day; the subject is the intent."""


@dataclass(frozen=True, slots=True)
class Coming:
    """An intent that is to be charged on its day."""

    intent_id: int
    organisation_id: int
    due_on: date


def plan_reminders(conn: Connection, coming: Sequence[Coming], *, now_ms: int) -> None:
    """Schedule them; whatever falls due too soon for one gets none."""
    going_by = {one: access_store.collection(conn, one) for one in {one.organisation_id for one in coming}}
    planned = []
    for one in coming:
        its = going_by[one.organisation_id]
        for days in its.policy.before_due_days:
            at_ms = step_ms(one.due_on - timedelta(days=days), its.zone)
            if at_ms > now_ms:
                planned.append(
                    timers.NewTimer(
                        organisation_id=one.organisation_id,
                        kind=DUNNING_BEFORE_DUE,
                        subject_id=one.intent_id,
                        due_at_ms=at_ms,
                        key=f"dunning:intent-{one.intent_id}:before-{days}",
                    )
                )
    timers.schedule_many(conn, planned)


def remind_before_due(work: timers.Work, claimed: timers.Timer) -> None:
    """Timer handler: unless it was paid meanwhile, is in doubt, or the policy has other days now."""
    with work.db.write() as conn:
        found = conn.execute(
            select(store.due_day().label("due_on"), payment_intent.c.id)
            .join(invoice, invoice.c.id == payment_intent.c.invoice_id)
            .where(payment_intent.c.id == claimed.subject_id, LIVE_INTENT)
        ).one_or_none()
        if found is not None:
            _remind(conn, store.lock_intent(conn, found.id), found.due_on, work.now_ms)
        timers.finish(conn, claimed)


def _remind(conn: Connection, intent: store.Intent, due_on: date, now_ms: int) -> None:
    going_by = access_store.collection(conn, intent.organisation_id)
    days = (due_on - local_date(now_ms, going_by.zone)).days
    owed_minor = store.owed_of(conn, intent)
    asked = holds(conn, [intent.invoice_id]).get(intent.invoice_id, 0) > now_ms
    held = asked or Switch.COLLECTION in switched_off_now(conn, intent.account_id, now_ms)
    if days in going_by.policy.before_due_days and owed_minor > 0 and not held:
        about = About(
            organisation_id=intent.organisation_id,
            account_id=intent.account_id,
            invoice_id=intent.invoice_id,
            owed_minor=owed_minor,
            due_on=due_on,
        )
        key = f"dunning:intent-{intent.id}:before-{days}"
        write_about(conn, about, LetterKind.BEFORE_DUE, key=key, now_ms=now_ms)
