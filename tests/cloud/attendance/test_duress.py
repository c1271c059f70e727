"""Silent alarms, on both engines: found, seen once, and of nobody else's organisation."""

from collections.abc import Callable

import pytest
from cloud.gateways.gym import NOON_MS, add_gym
from portillon_cloud.attendance.content import Sender
from portillon_cloud.attendance.duress import UnknownAlarmError, duress_alarms, mark_seen, unseen_alarms
from portillon_cloud.attendance.intake import take_in
from portillon_cloud.database import Database
from portillon_rules.decision import TimeQuality
from portillon_wire.messages import EventTime, JournalBatch, JournalEvent

Make = Callable[..., JournalEvent]


def give(db: Database, sender: Sender, *events: JournalEvent) -> None:
    with db.write() as conn:
        take_in(conn, JournalBatch(journal_id="j1", events=events), sender=sender, now_ms=1)


def see(db: Database, organisation_id: int, alarm_id: int, by: str) -> None:
    with db.write() as conn:
        mark_seen(conn, organisation_id=organisation_id, alarm_id=alarm_id, real_ms=5, by=by)


def test_a_duress_alarm_is_told_until_somebody_has_seen_it(db: Database, sender: Sender, event: Make) -> None:
    """Other alarms and badges are none; who saw it first is kept."""
    nobody_knows = EventTime(boot_id="b2", boot_ns=1, real_ms=None, business_ms=None, quality=TimeQuality.UNKNOWN)
    give(
        db,
        sender,
        event(1, "alarm", reason="duress", member="7", flags=("duress",), at_ms=NOON_MS),
        event(2, "alarm", reason="journal"),
        event(3, "denied", reason="wrong_pin"),
        event(4, "alarm", reason="duress", member="9" * 60, at=nobody_knows),
    )
    with db.read() as conn:
        newest, oldest = duress_alarms(conn, sender.organisation_id, limit=10)
        assert unseen_alarms(conn, sender.organisation_id) == 2
    assert (oldest.at_ms, oldest.door, oldest.site_id, oldest.seen_by) == (NOON_MS, "lane1", sender.site_id, None)
    assert (newest.at_ms, newest.member_id, newest.who) == (None, None, None)
    see(db, sender.organisation_id, oldest.id, "Ana")
    see(db, sender.organisation_id, oldest.id, "Bea")
    with db.read() as conn:
        assert [one.seen_by for one in duress_alarms(conn, sender.organisation_id, limit=10)] == [None, "Ana"]
        assert unseen_alarms(conn, sender.organisation_id) == 1


def test_another_gyms_alarms_do_not_exist(db: Database, sender: Sender, event: Make) -> None:
    """Neither told, nor counted, nor to be marked; an event that is no alarm is not marked either."""
    give(db, sender, event(1, "alarm", reason="duress"), event(2, "passage"))
    with db.write() as conn:
        other = add_gym(conn, gateway_id="other")
    with db.read() as conn:
        [alarm] = duress_alarms(conn, sender.organisation_id, limit=10)
        assert list(duress_alarms(conn, other.organisation_id, limit=10)) == []
        assert unseen_alarms(conn, other.organisation_id) == 0
    for organisation_id, alarm_id in ((other.organisation_id, alarm.id), (sender.organisation_id, alarm.id + 1)):
        with pytest.raises(UnknownAlarmError):
            see(db, organisation_id, alarm_id, "Eve")
