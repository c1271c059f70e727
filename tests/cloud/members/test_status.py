"""What somebody is to the gym: read off their subscriptions on a day."""

from datetime import date

import pytest
from cloud.gym import Gym
from portillon_cloud.members.status import MemberStatus, Span, status_on, statuses_of
from portillon_cloud.members.tables import member
from sqlalchemy import select

MARCH, APRIL, MAY, JUNE = (date(2026, month, 1) for month in (3, 4, 5, 6))


@pytest.mark.parametrize(
    ("spans", "status"),
    [
        ((), MemberStatus.PROSPECT),
        ((Span(MAY, None),), MemberStatus.COMING),
        ((Span(APRIL, None),), MemberStatus.CURRENT),
        ((Span(MARCH, MAY),), MemberStatus.CURRENT),
        ((Span(MARCH, APRIL),), MemberStatus.FORMER),  # the first day without it
        ((Span(MARCH, APRIL), Span(MAY, JUNE)), MemberStatus.COMING),
        ((Span(MAY, MAY),), MemberStatus.PROSPECT),  # cancelled before it began
        ((Span(MARCH, APRIL), Span(APRIL, None)), MemberStatus.CURRENT),
    ],
)
def test_the_word_for_a_day(spans: tuple[Span, ...], status: MemberStatus) -> None:
    """On 1 April 2026; nobody typed it, so nobody forgot to."""
    assert status_on(spans, APRIL) is status


def test_statuses_come_from_the_rows(gym: Gym) -> None:
    """One query for many members; a day later the same rows may say another word."""
    now, later = gym.join("A B", starts_on=APRIL), gym.join("C D", starts_on=MAY)
    with gym.db.read() as conn:
        everybody = list(conn.execute(select(member.c.id)).scalars())
        assert statuses_of(conn, everybody, APRIL) == {
            now.member_id: MemberStatus.CURRENT,
            later.member_id: MemberStatus.COMING,
        }
        assert statuses_of(conn, everybody, MAY)[later.member_id] is MemberStatus.CURRENT
