"""What events say of alarms: the table is complete on purpose, and raising and ending meet."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_rules.decision import TimeQuality
from portillon_wire.alarm_classes import (
    DURESS,
    NO_ALARM,
    RULES,
    STANDARD_NAMES,
    TELLING_KINDS,
    Acknowledged,
    Alarm,
    Ended,
    Raised,
    meanings,
)
from portillon_wire.messages import EventKind, EventTime, JournalEvent, Way

AT = EventTime(boot_id="b", boot_ns=1, real_ms=None, business_ms=None, quality=TimeQuality.UNKNOWN)


def event(kind: str, **fields: Any) -> JournalEvent:
    return JournalEvent(sequence=1, kind=kind, at=AT, **fields)


def told_of(kind: str, **fields: Any) -> Any:
    """The one alarm that such an event raises or ends."""
    (said,) = meanings(event(kind, **fields))
    return said


def test_every_kind_of_event_was_thought_of() -> None:
    """Each kind raises, ends, or is listed as saying nothing of alarms; never two of these by accident."""
    for kind in EventKind:
        assert (kind.value in TELLING_KINDS) is not (kind in NO_ALARM), kind


def test_no_kind_raises_two_alarms_or_ends_what_it_raises() -> None:
    """An alarm would otherwise be told twice, or never stand."""
    raising = [rule.raised_by for rule in RULES.values()]
    assert len(raising) == len(set(raising)) and set(RULES) == set(Alarm)
    assert not [alarm for alarm, rule in RULES.items() if rule.raised_by in rule.ended_by]


@pytest.mark.parametrize("alarm", Alarm)
def test_what_ends_an_alarm_names_the_subject_that_raised_it(alarm: Alarm) -> None:
    """Told of the same door, device and input for the same reason, both events speak of one alarm."""
    where: dict[str, Any] = {"door": "lane-1", "reader": "reader-1", "by": "input-1", "reason": "why"}
    (raised,) = meanings(event(RULES[alarm].raised_by, **where))
    assert isinstance(raised, Raised) and raised.alarm is alarm
    for kind in RULES[alarm].ended_by - {EventKind.GATEWAY_STARTED}:
        assert Ended(alarm, raised.subject) in meanings(event(kind, **where))


def test_two_lockdowns_and_two_call_points_are_two_alarms() -> None:
    """The end of one does not look like the end of all."""
    for began, ended in (("lockdown_began", "lockdown_ended"), ("emergency_release", "emergency_restored")):
        first, second = (told_of(began, by=by) for by in ("staff:3", "button-2"))
        assert first.subject != second.subject
        assert meanings(event(ended, by="button-2")) == (Ended(second.alarm, second.subject),)


def test_who_ends_an_ordered_lockdown_need_not_have_begun_it() -> None:
    """Ana's lockdown is over when Ben replaces it, or when nobody here knows who withdrew it; another door's is not."""
    began = told_of("lockdown_began", by="staff:3", reason="order")
    for by in ("staff:4", None):
        assert meanings(event("lockdown_ended", by=by, reason="order")) == (Ended(Alarm.LOCKDOWN, began.subject),)
    others = (
        told_of("lockdown_began", by="staff:3", reason="order", door="pool"),
        told_of("lockdown_began", by="staff:3", reason="local_order"),
        told_of("lockdown_began", by="foyer-key", reason="lockdown"),
        told_of("lockdown_began", by="office-key", reason="lockdown"),
    )
    assert len({other.subject for other in others} | {began.subject}) == 5


def test_two_stuck_inputs_of_one_door_are_two_alarms() -> None:
    """The exit button that is at rest again does not end what the contact has; nor does another door's."""
    stuck = {(door, line): told_of("input_fault", door=door, by=line) for door in "ab" for line in ("rex", "contact")}
    assert len({one.subject for one in stuck.values()}) == 4
    freed = told_of("input_restored", door="a", by="rex")
    assert freed.subject == stuck["a", "rex"].subject != stuck["a", "contact"].subject


def test_a_restored_output_ends_what_its_door_could_not_name() -> None:
    """A release that failed is told of the door; the board that is back is told by its own name, too."""
    failed = told_of("output_fault", door="front")
    ended = meanings(event("output_restored", door="front", by="relay-1"))
    assert {one.subject for one in ended if isinstance(one, Ended)} == {"relay-1", failed.subject}


def test_a_passage_without_grant_is_over_when_it_is_told() -> None:
    """A forced door stands open; a turnstile has turned already."""
    (door,) = meanings(event("door_forced", door="door"))
    (lane,) = meanings(event("door_forced", door="lane", way=Way.ENTRY))
    assert isinstance(door, Raised) and isinstance(lane, Raised)
    assert (door.over, lane.over) == (False, True)


def test_a_restart_ends_what_the_doors_have_forgotten_and_nothing_that_is_latched() -> None:
    """Fire, lockdown, tamper and power outlast a restart of the gateway."""
    ended = {one.alarm for one in meanings(event("gateway_started")) if isinstance(one, Ended) and one.subject is None}
    assert {Alarm.FORCED, Alarm.LANE, Alarm.READER} <= ended
    assert not ended & {Alarm.FIRE, Alarm.EMERGENCY_RELEASE, Alarm.LOCKDOWN, Alarm.TAMPER, Alarm.MAINS, Alarm.BATTERY}


def test_duress_is_no_alarm_among_the_others() -> None:
    """It is silent: whoever forces somebody may see the screen."""
    assert meanings(event("alarm", reason=DURESS, door="lane-1")) == ()
    assert meanings(event("alarm", reason="row_damaged")) == (Raised(Alarm.SYSTEM, "row_damaged", True),)


def test_an_acknowledgement_names_what_it_is_about() -> None:
    """One kind at one door, or everything; of an alarm that only a newer version knows it says nothing."""
    assert meanings(event("alarm_acknowledged", reason="held", door="pool", by="local:pi")) == (
        Acknowledged(Alarm.HELD, "pool"),
    )
    assert meanings(event("alarm_acknowledged", by="local:pi")) == (Acknowledged(None, None),)
    assert meanings(event("alarm_acknowledged", reason="flood")) == ()


def test_the_standards_events_are_there() -> None:
    """IEC 60839-11-1 Table 3 names are given to kinds that exist."""
    assert set(STANDARD_NAMES) <= set(EventKind)


@given(st.from_regex(r"[a-z_]{1,32}", fullmatch=True))
def test_a_newer_gateways_kind_says_nothing(kind: str) -> None:
    """An unknown kind is kept by the journal and raises no alarm, and no error."""
    if kind not in set(EventKind):
        assert meanings(event(kind)) == ()
