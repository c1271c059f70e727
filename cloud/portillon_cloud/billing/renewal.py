"""What happens as a fixed term nears its end: the notice or offer that the law wants, and the renewal by itself.

Timers ask again what is so when they ring: a term that was prolonged, cancelled or left meanwhile needs neither.
A notice goes out in the middle of its window: a worker that was down, or a letter that came back, has time left.
"""

import datetime

from sqlalchemy import Connection, select, update

from portillon_cloud.billing import changes, event_store, subscription
from portillon_cloud.billing.calendar import add_months
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.exit_link import ExitLinks, Purpose
from portillon_cloud.billing.law import LAWS, Window
from portillon_cloud.billing.legal_side import BY_ITSELF, Signed, signed
from portillon_cloud.billing.life import Condition, life_on
from portillon_cloud.billing.price_change_timers import repriced_minor
from portillon_cloud.billing.tables import contract
from portillon_cloud.billing.tables import subscription as subscription_row
from portillon_cloud.billing.told import tell_about
from portillon_cloud.clock.local import local_date, start_of_day_ms
from portillon_cloud.dunning.ladder import step_ms
from portillon_cloud.messages.notice_store import told_of_subscription
from portillon_cloud.messages.notices import RenewalComes, RenewalOffered
from portillon_cloud.timers import Handler, Timer, Work, finish, schedule

RENEWAL_NOTICE = "renewal_notice"
RENEWAL = "renew"
"""Kinds of the timers of notices and of renewals by themselves; the subject is the subscription."""

_HOUSE_DAYS = (60, 30)  # where no law names a window
_DAY = datetime.timedelta(days=1)


def plan_renewal(
    conn: Connection,
    *,
    organisation_id: int,
    subscription_id: int,
    law: str,
    renews: bool,
    starts_on: datetime.date,
    ends_on: datetime.date,
    time_zone: str,
) -> None:
    """Have the member told in time of what comes after `ends_on`, and a term that renews itself renewed the day before.

    Where nothing may renew itself, another term is offered, but not of what is sold for less time than an offer needs.
    Where no law asks and nothing renews, nobody is written to.
    """
    window = notice_window(law, ends_on)
    if not renews and not (LAWS[law].offers_renewal and starts_on < window.first_day):
        return
    told_on = window.first_day + (window.last_day - window.first_day) // 2
    due = [(RENEWAL_NOTICE, step_ms(told_on, time_zone))]
    if renews:
        due.append((RENEWAL, start_of_day_ms(ends_on - _DAY, time_zone)))
    for kind, due_at_ms in due:
        schedule(
            conn,
            organisation_id=organisation_id,
            kind=kind,
            subject_id=subscription_id,
            due_at_ms=due_at_ms,
            key=f"{kind}:s{subscription_id}:{ends_on}",
        )


def notice_window(law: str, ends_on: datetime.date) -> Window:
    """When the notice of a term that is over on `ends_on` goes out: the law's days, or the house's."""
    window_of = LAWS[law].renewal_window
    if window_of is not None:
        return window_of(ends_on)
    first, last = (ends_on - datetime.timedelta(days=days) for days in _HOUSE_DAYS)
    return Window(first, last)


def replan(conn: Connection, organisation_id: int, subscription_id: int) -> None:
    """The same for a term that was prolonged."""
    held = signed(conn, organisation_id, subscription_id)
    if held.term_ends_on:
        plan_renewal(
            conn,
            organisation_id=organisation_id,
            subscription_id=subscription_id,
            law=held.law_code,
            renews=held.renews,
            starts_on=_term_starts_on(held),
            ends_on=held.term_ends_on[-1],
            time_zone=held.time_zone,
        )


def decline(conn: Connection, subscription_id: int) -> None:
    """It shall not go on by itself: its term ends when it does, and nothing else changes."""
    of_it = select(subscription_row.c.contract_id).where(subscription_row.c.id == subscription_id)
    conn.execute(update(contract).where(contract.c.id == of_it.scalar_subquery()).values(renews=False))


def standing_offer(
    conn: Connection, organisation_id: int, subscription_id: int, today: datetime.date
) -> RenewalOffered | None:
    """The offer that waits for a yes, of the term that runs; None: there is none, it was accepted, or they leave."""
    held = signed(conn, organisation_id, subscription_id)
    ends_on = _going_on(conn, held, subscription_id, today)
    offers = [one.notice for one in told_of_subscription(conn, subscription_id)]
    standing = [one for one in offers if isinstance(one, RenewalOffered) and one.ends_on == ends_on]
    return standing[-1] if standing else None


def notice_timer(links: ExitLinks | None) -> Handler:
    """The handler of renewal_notice; letters carry a link if there is something to make one with."""

    def send(work: Work, timer: Timer) -> None:
        with work.db.write() as conn:
            held = signed(conn, timer.organisation_id, timer.subject_id)
            today = local_date(work.now_ms, held.time_zone)
            said = _notice(conn, held, timer.subject_id, today, work.now_ms)
            if said is not None and timer.key.endswith(f":{said.ends_on}"):
                accepts = isinstance(said, RenewalOffered)
                tell_about(
                    conn,
                    organisation_id=timer.organisation_id,
                    subscription_id=timer.subject_id,
                    said=said,
                    purpose=f"renewal:{said.ends_on}",
                    now_ms=work.now_ms,
                    link=None
                    if links is None
                    else links.link(
                        timer.organisation_id,
                        timer.subject_id,
                        Purpose.RENEW if accepts else Purpose.LEAVE,
                        now_ms=work.now_ms,
                    ),
                )
            finish(conn, timer)

    return send


def renew_when_due(work: Work, timer: Timer) -> None:
    """Timer renew: prolong a term that renews itself by its own length, unless they said no or it was done."""
    with work.db.write() as conn:
        held = signed(conn, timer.organisation_id, timer.subject_id)
        today = local_date(work.now_ms, held.time_zone)
        if held.renews and timer.key.endswith(f":{_going_on(conn, held, timer.subject_id, today)}"):
            months = _term_months(held)
            changes.change(
                conn,
                organisation_id=timer.organisation_id,
                subscription_id=timer.subject_id,
                ask=lambda recorded, day: subscription.renew(recorded, months=months, today=day),
                author=Author(name=BY_ITSELF, at_ms=work.now_ms),
            )
            replan(conn, timer.organisation_id, timer.subject_id)
        finish(conn, timer)


def _notice(
    conn: Connection, held: Signed, subscription_id: int, today: datetime.date, now_ms: int
) -> RenewalComes | RenewalOffered | None:
    ends_on = _going_on(conn, held, subscription_id, today)
    if ends_on is None:
        return None
    cycle_minor = repriced_minor(conn, subscription_id, ends_on, now_ms) or held.cycles[-1].minor
    if held.renews:
        clause = {"fr": "Code de la consommation, art. L215-1"}.get(held.law_code, "")
        return RenewalComes(
            ends_on=ends_on,
            until_on=ends_on - 2 * _DAY,
            renewed_until_on=add_months(ends_on, _term_months(held)),
            cycle_minor=cycle_minor,
            clause=clause,
        )
    if today > notice_window(held.law_code, ends_on).last_day:
        return None
    return RenewalOffered(
        ends_on=ends_on, months=_term_months(held), cycle_minor=cycle_minor, clause="P-40.1, r. 3, s. 15.2"
    )


def _going_on(conn: Connection, held: Signed, subscription_id: int, today: datetime.date) -> datetime.date | None:
    """The end of the term that runs, if nobody ends it before."""
    life = life_on(event_store.recorded(conn, [subscription_id])[subscription_id], today)
    running = life.condition is not Condition.ENDED and held.term_ends_on and life.ends_on == held.term_ends_on[-1]
    return life.ends_on if running else None


def _term_starts_on(held: Signed) -> datetime.date:
    return held.term_ends_on[-2] if len(held.term_ends_on) > 1 else held.starts_on


def _term_months(held: Signed) -> int:
    """How long the term that runs was agreed for: what it is renewed by."""
    starts_on, ends_on = _term_starts_on(held), held.term_ends_on[-1]
    return max((ends_on.year - starts_on.year) * 12 + ends_on.month - starts_on.month, 1)
