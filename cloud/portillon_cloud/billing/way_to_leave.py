"""Whoever has no link asks for one with their e-mail: it goes to the address on file, and nobody learns who is known.

1. The answer is the same for every e-mail. What is found is written as a timer, so it takes as long as well.
2. A letter goes to who pays for the subscription, at the address that we have: never to one that was typed.
3. A subscription has one such letter a day, however often somebody asks.
"""

from sqlalchemy import Connection, func, or_, select

from portillon_cloud.billing.exit_link import ExitLinks, Purpose
from portillon_cloud.billing.tables import subscription
from portillon_cloud.billing.told import tell_about
from portillon_cloud.clock.local import local_date
from portillon_cloud.members.organisations import time_zone_of
from portillon_cloud.members.tables import account, member
from portillon_cloud.messages.notices import WayToLeave
from portillon_cloud.timers import Handler, NewTimer, Timer, Work, finish, schedule_many

WAY_TO_LEAVE = "way_to_leave"
"""Kind of the timer that writes the letter; the subject is the subscription."""

LETTERS_MOST = 20
"""Subscriptions of one e-mail that are written about at once: a household, not a company's whole staff."""


def ask_way_to_leave(conn: Connection, organisation_id: int, email: str, *, now_ms: int) -> None:
    """Have the link sent for what runs and is paid for, or used, by whoever has this e-mail."""
    today = local_date(now_ms, time_zone_of(conn, organisation_id))
    own, plain = subscription.c, email.strip().lower()
    found = conn.scalars(
        select(own.id)
        .join(account, account.c.id == own.account_id)
        .join(member, member.c.id == own.member_id)
        .where(
            own.organisation_id == organisation_id,
            own.state == "active",
            or_(own.ends_on.is_(None), own.ends_on > today),
            or_(func.lower(account.c.email) == plain, func.lower(member.c.email) == plain),
        )
        .order_by(own.id)
        .limit(LETTERS_MOST)
    ).all()
    schedule_many(
        conn,
        [
            NewTimer(
                organisation_id=organisation_id,
                kind=WAY_TO_LEAVE,
                subject_id=one,
                due_at_ms=now_ms,
                key=f"{WAY_TO_LEAVE}:s{one}:{today}",
            )
            for one in found
        ],
    )


def way_to_leave_timer(links: ExitLinks | None) -> Handler:
    """The handler of way_to_leave; without anything to make a link with there is nothing to tell."""

    def send(work: Work, timer: Timer) -> None:
        with work.db.write() as conn:
            if links is not None:
                asked_on = local_date(work.now_ms, time_zone_of(conn, timer.organisation_id))
                tell_about(
                    conn,
                    organisation_id=timer.organisation_id,
                    subscription_id=timer.subject_id,
                    said=WayToLeave(asked_on=asked_on),
                    purpose=f"way-to-leave:{asked_on}",
                    now_ms=work.now_ms,
                    link=links.link(timer.organisation_id, timer.subject_id, Purpose.LEAVE, now_ms=work.now_ms),
                )
            finish(conn, timer)

    return send
