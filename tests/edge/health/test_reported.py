"""What the cloud hears of the gateway's health, and how often."""

from typing import Any

from edge.health.report_sample import report
from portillon_edge.health.reported import BEAT_NS, CHANGE_NS_MIN, OPENED_NS_MIN, ReportedSchedule, reported
from portillon_wire.messages import DeviceHealth
from portillon_wire.presence import ZONES_MAX

UP = (DeviceHealth(name="relay", kind="output gpio", state="up"),)
DOWN = (DeviceHealth(name="relay", kind="output gpio", state="down", detail="gone"),)


def online(**changes: Any) -> Any:
    return report(**{"online": True, "devices": UP, **changes})


def test_message_says_what_the_report_says() -> None:
    """Devices, doors, journal and versions, dated by real time where it is known."""
    message = reported(online(journal_pending=3), at_ms=7)
    assert (message.devices, message.journal_pending, message.at_ms) == (UP, 3, 7)
    assert reported(online(), at_ms=None).at_ms is None


def test_told_on_connection_on_change_and_each_minute() -> None:
    """Not while offline, at once when connected, soon after a change, else each minute."""
    schedule = ReportedSchedule()
    assert not schedule.due(report(online=False))
    assert schedule.due(online(beat_ns=0))
    assert not schedule.due(online(beat_ns=BEAT_NS - 1))
    assert not schedule.due(online(beat_ns=CHANGE_NS_MIN - 1, devices=DOWN))
    assert schedule.due(online(beat_ns=CHANGE_NS_MIN, devices=DOWN))
    assert schedule.due(online(beat_ns=CHANGE_NS_MIN + BEAT_NS, devices=DOWN))


def test_how_many_are_inside_is_told_when_it_changes() -> None:
    """Not with every badge of a busy hour, and never more zones than a message holds."""
    schedule = ReportedSchedule()
    assert schedule.due(online(beat_ns=0, occupancy={"gym": 1}))
    assert not schedule.due(online(beat_ns=OPENED_NS_MIN - 1, occupancy={"gym": 2}))
    assert schedule.due(online(beat_ns=OPENED_NS_MIN, occupancy={"gym": 2}))
    assert not schedule.due(online(beat_ns=2 * OPENED_NS_MIN, occupancy={"gym": 2}))
    assert reported(online(occupancy={"gym": 2}), at_ms=7).occupancy == {"gym": 2}
    assert len(reported(online(occupancy={f"z{n}": n for n in range(999)}), at_ms=7).occupancy) == ZONES_MAX


def test_told_again_after_a_lost_connection_or_a_failed_sending() -> None:
    """The cloud may have missed the last one."""
    schedule = ReportedSchedule()
    assert schedule.due(online(beat_ns=0))
    assert not schedule.due(report(online=False, beat_ns=1))
    assert schedule.due(online(beat_ns=2))
    schedule.forget()
    assert schedule.due(online(beat_ns=3))
