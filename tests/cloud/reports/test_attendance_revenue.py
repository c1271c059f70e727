"""Visits beside revenue, and who pays without being seen."""

from datetime import date, timedelta

from cloud.gym import Gym
from cloud.reports.small_business import APRIL, MAY, april, at, book, freeze, recognise
from portillon_cloud.attendance.tables import journal_event
from portillon_cloud.gateways.tables import gateway
from portillon_cloud.reports.attendance_revenue import AtRisk, at_risk, attendance
from portillon_cloud.reports.months import months_until
from portillon_cloud.reports.payers import payers
from portillon_cloud.reports.revenue import revenue
from sqlalchemy import insert

ZONE = "America/Toronto"
HOUR_MS = 3_600_000


def visit(gym: Gym, number: int, member_id: int | None, at_ms: int, way: str | None = "entry") -> None:
    with gym.db.write() as conn:
        if number == 1:
            conn.execute(
                insert(gateway).values(
                    id="g", organisation_id=gym.organisation_id, site_id=gym.site_id, name="g", mode="test",
                    enrolled_at_ms=0,
                )
            )  # fmt: skip
        conn.execute(
            insert(journal_event).values(
                organisation_id=gym.organisation_id, site_id=gym.site_id, gateway_id="g", journal_id="j",
                sequence=number, content_sha256="0", kind="passage", door="d", flags="", at_ms=at_ms, real_ms=at_ms,
                member=None if member_id is None else str(member_id), way=way, quality="certain",
                dated_by="gateway", boot_id="b", boot_ns=number, received_at_ms=at_ms,
            )
        )  # fmt: skip


def risk(gym: Gym, on: date, *, weeks: int = 3, limit: int = 10) -> AtRisk:
    with gym.db.read() as conn:
        return at_risk(
            conn, book(gym), payers(conn, book(gym), rates_of=on), now_ms=at(on) + HOUR_MS, time_zone=ZONE,
            weeks=weeks, limit=limit,
        )  # fmt: skip


def test_what_a_visit_brings_in(gym: Gym) -> None:
    """116.67 earned in April over three visits: 38.89 each; ways out count nowhere, and a month ends at midnight."""
    alice, bob = april(gym)
    recognise(gym, MAY)
    last_second = at(MAY) - 1
    for number, (who, at_ms, way) in enumerate(
        [
            (alice.member_id, at(APRIL), "entry"),
            (alice.member_id, at(APRIL) + HOUR_MS, "exit"),
            (bob.member_id, at(date(2026, 4, 12)), None),
            (bob.member_id, last_second, "entry"),
            (bob.member_id, at(MAY), "entry"),
        ],
        start=1,
    ):
        visit(gym, number, who, at_ms, way)
    months = months_until(MAY, 3)
    with gym.db.read() as conn:
        rows = attendance(conn, book(gym), months, revenue(conn, book(gym), months), time_zone=ZONE)
    assert [(row.visits, row.members_seen, row.earned_minor, row.per_visit_minor) for row in rows] == [
        (0, 0, 0, None),
        (3, 2, 116_67, 38_89),
        (1, 1, 0, 0),
    ]


def test_who_pays_and_is_not_seen(gym: Gym) -> None:
    """Not seen for three weeks to the day; a passage within them, at whatever door, and nobody is at risk."""
    _, bob = april(gym)
    visit(gym, 1, bob.member_id, at(date(2026, 4, 20)))
    assert risk(gym, date(2026, 5, 11)).members == 0
    found = risk(gym, date(2026, 5, 12))
    assert (found.members, found.monthly_minor) == (1, 100_00)
    [one] = found.first
    assert (one.member_id, one.who, one.monthly_minor) == (bob.member_id, "Bob Roy", 100_00)
    assert (one.since_on, one.last_seen_on) == (date(2026, 4, 11), date(2026, 4, 20))
    visit(gym, 2, bob.member_id, at(date(2026, 5, 2)))
    assert risk(gym, date(2026, 5, 12)).members == 0


def test_who_just_came_or_is_frozen_is_not_at_risk(gym: Gym) -> None:
    """Never seen and paying for two weeks is no alarm yet; never seen for three is; frozen, nobody expects them."""
    _, bob = april(gym)
    assert risk(gym, date(2026, 5, 1)).members == 0
    assert [one.last_seen_on for one in risk(gym, date(2026, 5, 2)).first] == [None]
    freeze(gym, bob, date(2026, 5, 11), date(2026, 6, 11), today=date(2026, 5, 2))
    assert risk(gym, date(2026, 5, 11)).members == 0
    assert risk(gym, date(2026, 6, 11)).members == 1


def test_those_who_pay_most_are_shown_first(gym: Gym) -> None:
    """So many as asked for; the sums are of all."""
    for number in range(3):
        gym.join(f"M{number} Roy", starts_on=APRIL)
    found = risk(gym, APRIL + timedelta(weeks=4), limit=2)
    assert (found.members, found.monthly_minor, [one.who for one in found.first]) == (3, 300_00, ["M0 Roy", "M1 Roy"])
