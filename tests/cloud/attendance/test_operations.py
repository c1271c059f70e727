"""What the journals answer."""

from collections.abc import Callable

from cloud.gateways.gym import NOON_MS, add_gym
from portillon_cloud.attendance.content import Sender
from portillon_cloud.attendance.intake import take_in
from portillon_cloud.attendance.operations import counts, visits
from portillon_cloud.attendance.tables import journal_event
from portillon_cloud.database import Database
from portillon_rules.decision import TimeQuality
from portillon_wire.messages import EventTime, JournalBatch, JournalEvent
from sqlalchemy import select

Make = Callable[..., JournalEvent]


def give(db: Database, sender: Sender, *events: JournalEvent) -> None:
    with db.write() as conn:
        take_in(conn, JournalBatch(journal_id="j1", events=events), sender=sender, now_ms=1)


def test_a_span_is_counted_by_kind_and_reason(db: Database, sender: Sender, event: Make) -> None:
    """Half-open: the first instant counts, the last does not; another site's events never do."""
    give(
        db,
        sender,
        event(1, "granted", at_ms=NOON_MS),
        event(2, "passage", at_ms=NOON_MS),
        event(3, "granted", at_ms=NOON_MS + 1),
        event(4, "grant_not_used", at_ms=NOON_MS + 2),
        event(5, "denied", at_ms=NOON_MS + 3, reason="dues_unpaid"),
        event(6, "denied", at_ms=NOON_MS + 4, reason="unknown_credential"),
        event(7, "denied", at_ms=NOON_MS + 5, reason="dues_unpaid"),
        event(8, "passage", at_ms=NOON_MS + 10),
    )
    with db.write() as conn:
        other = add_gym(conn, gateway_id="other")
    give(db, other, event(1, "passage", at_ms=NOON_MS))
    with db.read() as conn:
        found = counts(
            conn,
            organisation_id=sender.organisation_id,
            site_id=sender.site_id,
            from_ms=NOON_MS,
            until_ms=NOON_MS + 10,
        )
    assert (found.granted, found.denied, found.passages, found.not_used) == (2, 3, 1, 1)
    assert found.denied_by_reason == {"dues_unpaid": 2, "unknown_credential": 1}


def test_a_members_visits_are_their_own(db: Database, sender: Sender, event: Make) -> None:
    """Newest first, passages and refusals; what nobody can date is shown last, not hidden."""
    nobody_knows = EventTime(boot_id="b2", boot_ns=1, real_ms=None, business_ms=None, quality=TimeQuality.UNKNOWN)
    give(
        db,
        sender,
        event(1, "granted", member="7"),
        event(2, "passage", member="7"),
        event(3, "passage", member="8"),
        event(4, "denied", member="7", reason="wrong_zone"),
        event(5, "passage", member="7", at=nobody_knows),
    )
    with db.read() as conn:
        found = visits(conn, organisation_id=sender.organisation_id, member_id=7, limit=10)
        assert visits(conn, organisation_id=sender.organisation_id + 1, member_id=7, limit=10) == []
    assert [(one.kind, one.at_ms, one.reason) for one in found] == [
        ("denied", NOON_MS + 4, "wrong_zone"),
        ("passage", NOON_MS + 2, None),
        ("passage", None, None),
    ]


def test_who_goes_out_by_the_same_lane_is_not_counted_again(db: Database, sender: Sender, event: Make) -> None:
    """Both directions are one lane: a way out is no visit; a door that tells no way counts as before."""
    give(
        db,
        sender,
        event(1, "passage", way="entry", member="7"),
        event(2, "passage", way="exit", member="7", by="staff:3"),
        event(3, "passage", member="7"),
    )
    with db.read() as conn:
        found = counts(
            conn,
            organisation_id=sender.organisation_id,
            site_id=sender.site_id,
            from_ms=NOON_MS,
            until_ms=NOON_MS + 10_000,
        )
        seen = visits(conn, organisation_id=sender.organisation_id, member_id=7, limit=9)
        kept = conn.execute(select(journal_event.c.way, journal_event.c.by).order_by(journal_event.c.sequence)).all()
    assert (found.passages, len(seen)) == (2, 2)
    assert [tuple(row) for row in kept] == [("entry", None), ("exit", "staff:3"), (None, None)]
