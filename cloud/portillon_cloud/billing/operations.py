"""Billing's use cases: what other parts call, and what the worker runs when billing's timers ring."""

import datetime

from sqlalchemy import Connection, select

from portillon_cloud.billing.catalogue import create_plan, create_price, prices_by_plan_code
from portillon_cloud.billing.contracts import Subscribed, subscribe
from portillon_cloud.billing.errors import RunStoppedError
from portillon_cloud.billing.forecast import stops
from portillon_cloud.billing.forecast.measuring import judge_by
from portillon_cloud.billing.invoice_run import run_invoices
from portillon_cloud.billing.invoice_store import seller
from portillon_cloud.billing.planning import next_invoice_on, plan_invoice_run, plan_recognition
from portillon_cloud.billing.recognition import is_recognised, recognise_until
from portillon_cloud.billing.tables import subscription
from portillon_cloud.clock.local import local_date
from portillon_cloud.timers import Timer, Work, finish, hold
from portillon_cloud.timers.tables import timer as timers

__all__ = [
    "Subscribed",
    "create_plan",
    "create_price",
    "prices_by_plan_code",
    "run_invoices",
    "run_invoices_when_due",
    "run_recognition_when_due",
    "subscribe",
]


def run_invoices_when_due(work: Work, timer: Timer) -> None:
    """Timer invoice_run: bill what is due today and have it ring again when more is; tomorrow if it stopped itself."""
    with work.db.read() as conn:
        entity = seller(conn, timer.subject_id)
        today = local_date(work.now_ms, entity.time_zone)
        bounds = stops.bounds_today(conn, timer.organisation_id, timer.subject_id, today)
    try:
        run_invoices(
            work.db,
            timer.subject_id,
            on=today,
            now_ms=work.now_ms,
            hold=lambda conn: hold(conn, timer, real_ms=work.clock.real_ms()),
            judge=judge_by(bounds),
        )
    except RunStoppedError as stopped:
        _stand_still(work, timer, stopped, today=today, time_zone=entity.time_zone)
        return
    with work.db.write() as conn:
        stops.went_through(conn, timer.organisation_id, timer.subject_id, on=today, now_ms=work.now_ms)
        next_on = next_invoice_on(conn, timer.subject_id, work.now_ms)
        if next_on is not None:
            plan_invoice_run(
                conn,
                organisation_id=timer.organisation_id,
                legal_entity_id=timer.subject_id,
                due_on=next_on,
                time_zone=entity.time_zone,
                because=f"t{timer.id}",
            )
        finish(conn, timer)


def _stand_still(work: Work, timer: Timer, stopped: RunStoppedError, *, today: datetime.date, time_zone: str) -> None:
    """Keep why the run stopped, and try again tomorrow: what was wrong may have been put right."""
    with work.db.write() as conn:
        stops.write_down(conn, timer.organisation_id, timer.subject_id, stopped, on=today, now_ms=work.now_ms)
        plan_invoice_run(
            conn,
            organisation_id=timer.organisation_id,
            legal_entity_id=timer.subject_id,
            due_on=today + datetime.timedelta(days=1),
            time_zone=time_zone,
            because=f"t{timer.id}",
        )
        finish(conn, timer)


def _is_planned(conn: Connection, but: Timer) -> bool:
    """Whether another month of the same seller waits to be recognised."""
    of_it = (timers.c.kind == but.kind, timers.c.subject_id == but.subject_id, timers.c.state == "ready")
    waiting = select(timers.c.id).where(timers.c.organisation_id == but.organisation_id, *of_it)
    return conn.scalar(waiting.where(timers.c.id != but.id).limit(1)) is not None


def run_recognition_when_due(work: Work, timer: Timer) -> None:
    """Timer recognise_revenue: recognise the month that is over; ring again after the next while any is left."""
    with work.db.write() as conn:
        entity = seller(conn, timer.subject_id)
        first_of_month = local_date(timer.due_at_ms, entity.time_zone).replace(day=1)
        again = is_recognised(conn, entity, until_on=first_of_month)
        left_minor = recognise_until(conn, entity, until_on=first_of_month, now_ms=work.now_ms)
        renewing = conn.execute(
            select(subscription.c.id)
            .where(subscription.c.legal_entity_id == timer.subject_id, subscription.c.next_invoice_on.is_not(None))
            .limit(1)
        ).one_or_none()
        goes_on = bool(left_minor) or renewing is not None
        if goes_on and not (again and _is_planned(conn, timer)):
            plan_recognition(
                conn,
                organisation_id=timer.organisation_id,
                legal_entity_id=timer.subject_id,
                month=first_of_month,
                time_zone=entity.time_zone,
            )
        finish(conn, timer)
