"""What comes of each event at a gateway's doors."""

from dataclasses import replace
from typing import Any

import pytest
from portillon_drivers.events import (
    CredentialRead,
    InputChanged,
    InputDown,
    InputFault,
    InputUp,
    ReaderDown,
    ReaderFault,
    ReaderFaultKind,
    ReaderUp,
)
from portillon_edge.domain.events import EventKind
from portillon_edge.doors.machine import NS_PER_MS
from portillon_edge.guard.protocol import GuardLost, OutputFault
from portillon_rules.credential import Credential, credential_hash
from portillon_rules.decision import DecisionTime, RowDamaged, SiteRules, TimeQuality
from portillon_rules.policy import JournalUnwritable, SitePolicy
from portillon_rules.reason import DenyReason

ANNE = Credential.parse("em4100:0F0027A46B")
STRANGER = Credential.parse("em4100:00000000FF")
DENYING = SiteRules(SitePolicy(time_zone="America/Toronto", journal_unwritable=JournalUnwritable.DENY), {})


def test_grant_releases_before_it_is_written_down(site: Any) -> None:
    """The relay does not wait for the journal (DESIGN §3.4)."""
    site.badge()
    assert site.told == [("release", "lane1-relay", 500), ("record", EventKind.GRANTED)]
    granted = site.events[0]
    assert (granted.door, granted.reader, granted.member) == ("lane1", "lane1-reader", "m-anne")
    assert granted.credential.startswith("k2.")


def test_passage_carries_who_passed(site: Any) -> None:
    """The passage event names the member of its grant, and the lane is locked again at once."""
    site.attendant.handle(InputChanged("lane1-passage", False, 0))
    site.badge(ms=10)
    site.attendant.handle(InputChanged("lane1-passage", True, 300 * NS_PER_MS))
    assert site.told[-2:] == [("lock", "lane1-relay"), ("record", EventKind.PASSAGE)]
    assert site.events[-1].member == "m-anne"
    assert site.events[-1].at.boot_ns == 300 * NS_PER_MS


def test_grant_without_passage_ends_at_its_deadline(site: Any) -> None:
    """`deadline_ns` tells when; the event says whose grant it was."""
    site.badge(ms=10)
    assert site.attendant.deadline_ns == 5010 * NS_PER_MS
    site.attendant.tick(5010 * NS_PER_MS)
    assert site.events[-1].kind is EventKind.GRANT_NOT_USED
    assert site.events[-1].member == "m-anne"
    assert site.attendant.deadline_ns is None


def test_old_key_still_opens_during_rotation(site: Any) -> None:
    """Two site keys overlap: a row hashed under either is found."""
    site.rows.clear()
    site.badge()
    assert site.events[-1].reason is DenyReason.UNKNOWN_CREDENTIAL
    old = site.keys[1]
    hashed = site.admit(ANNE, key=old)
    assert site.badge() == [EventKind.GRANTED]
    assert site.events[-1].credential == hashed


def test_stranger_is_refused_under_the_newest_key(site: Any) -> None:
    """Every denial has a reason, and the credential in it is a keyed hash."""
    assert site.badge(STRANGER) == [EventKind.DENIED]
    denied = site.events[-1]
    assert denied.reason is DenyReason.UNKNOWN_CREDENTIAL
    assert denied.credential == credential_hash(STRANGER, site.keys[0])
    assert not [told for told in site.told if told[0] == "release"]


def test_second_card_in_the_lane_is_refused(site: Any) -> None:
    """LANE_BUSY, decided by the same function as everything else; whoever is being let in may badge again."""
    other = Credential.parse("em4100:0102030405")
    site.admit(other)
    site.badge()
    assert site.badge(other, ms=100) == [EventKind.DENIED]
    assert site.events[-1].reason is DenyReason.LANE_BUSY
    assert site.badge(ms=200) == [EventKind.REBADGED]


def test_damaged_row_denies_one(site: Any) -> None:
    """A flipped bit denies that one member, with its own reason; the sync session raises the alarm."""
    hashed = credential_hash(ANNE, site.keys[0])
    site.rows[hashed] = RowDamaged(hashed)
    assert site.badge() == [EventKind.DENIED]
    assert site.events[0].reason is DenyReason.ROW_DAMAGED


def test_lost_guard_refuses_with_its_reason(site: Any) -> None:
    """A card that could not open anything is refused and told so, not granted in vain."""
    site.guard = False
    assert site.badge() == [EventKind.DENIED]
    assert site.events[-1].reason is DenyReason.OUTPUT_UNAVAILABLE


def test_guard_lost_between_decision_and_release(site: Any) -> None:
    """No grant is recorded for a release that never began, and the lane is free again."""
    site.breaks_on_release = True
    assert site.badge() == [EventKind.DENIED]
    assert site.events[-1].reason is DenyReason.OUTPUT_UNAVAILABLE
    assert site.events[-1].member == "m-anne"
    site.breaks_on_release = False
    assert site.badge(ms=50) == [EventKind.GRANTED]


def test_unwritable_journal_follows_the_policy(site: Any) -> None:
    """pass_and_flag marks the grant; deny refuses with its reason."""
    site.writable = False
    assert site.badge() == [EventKind.GRANTED]
    assert site.events[-1].flags == ("not_journaled",)
    site.rules = DENYING
    site.attendant.tick(5000 * NS_PER_MS)
    assert site.badge(ms=6000) == [EventKind.DENIED]
    assert site.events[-1].reason is DenyReason.JOURNAL_UNWRITABLE


@pytest.mark.parametrize(
    "trouble",
    [
        {"rules": SiteRules(None, {})},
        {"time": DecisionTime(0, TimeQuality.UNKNOWN, -1)},
        {"rules": DENYING, "writable": False},
        {"rows": {}},
    ],
    ids=["never synced", "lease over and time unknown", "journal unwritable", "nobody known"],
)
def test_nothing_holds_back_an_exit(site: Any, trouble: dict[str, Any]) -> None:
    """Egress needs no lease, no journal, no synchronisation: both doors on that button release."""
    for name, value in trouble.items():
        setattr(site, name, value)
    assert site.badge() == [EventKind.DENIED]
    site.attendant.handle(InputChanged("exit", True, 0))
    assert [told for told in site.told if told[0] == "release"] == [
        ("release", "lane1-relay", 500),
        ("release", "pool-strike", 3000),
    ]


def test_exit_that_could_not_be_released_is_a_fault(site: Any) -> None:
    """Somebody pressed and the output did nothing: that must be seen."""
    site.breaks_on_release = True
    site.attendant.handle(InputChanged("exit", True, 0))
    assert [event.kind for event in site.events if event.door == "lane1"] == [
        EventKind.EXIT_REQUEST,
        EventKind.OUTPUT_FAULT,
    ]


def test_failed_output_ends_the_grant(site: Any) -> None:
    """The fault is an event and the grant is not used; other doors are untouched."""
    site.badge()
    site.attendant.handle(OutputFault("lane1-relay", "no such device", 10))
    assert [event.kind for event in site.events[1:]] == [EventKind.OUTPUT_FAULT, EventKind.GRANT_NOT_USED]
    assert site.attendant.states() == {"lane1": "idle", "pool": "idle"}


def test_guard_gone_leaves_the_grant_to_its_window(site: Any) -> None:
    """A latching relay may stay released when its guard is killed: a passage then is still that member's."""
    site.attendant.handle(InputChanged("lane1-passage", False, 0))
    site.badge()
    site.guard = False
    site.attendant.handle(GuardLost("the guard is gone", 10))
    site.attendant.handle(InputChanged("lane1-passage", True, 100 * NS_PER_MS))
    assert [event.kind for event in site.events] == [EventKind.GRANTED, EventKind.OUTPUT_FAULT, EventKind.PASSAGE]


def test_every_refused_reading_becomes_an_event(site: Any) -> None:
    """Faults of readers and inputs carry device, door and what was refused; told ones are told as ended."""
    site.attendant.handle(ReaderFault("lane1-reader", ReaderFaultKind.CHECKSUM, "wrong checksum", 1))
    site.attendant.handle(ReaderDown("lane1-reader", "unplugged", 2))
    site.attendant.handle(ReaderUp("lane1-reader", 3))
    site.attendant.handle(InputFault("lane1-passage", "late answer", 4))
    site.attendant.handle(InputDown("lane1-passage", "no answer", 5))
    site.attendant.handle(InputUp("lane1-passage", 6))
    assert [(e.kind, e.door, e.detail) for e in site.events] == [
        (EventKind.READER_FAULT, "lane1", "checksum: wrong checksum"),
        (EventKind.READER_FAULT, "lane1", "down: unplugged"),
        (EventKind.READER_RESTORED, "lane1", None),
        (EventKind.INPUT_FAULT, "lane1", "lane1-passage: refused: late answer"),
        (EventKind.INPUT_FAULT, "lane1", "lane1-passage: down: no answer"),
        (EventKind.INPUT_RESTORED, "lane1", "lane1-passage"),
    ]


def test_replugged_input_forces_nothing(site: Any) -> None:
    """After an input was away its first level is how it was found."""
    site.attendant.handle(InputChanged("pool-contact", False, 0))
    site.attendant.handle(InputDown("pool-contact", "unplugged", 1))
    site.attendant.handle(InputChanged("pool-contact", True, 2))
    assert EventKind.DOOR_FORCED not in [event.kind for event in site.events]


def test_wrong_zone_is_refused_at_the_other_door(site: Any) -> None:
    """The door's own zone is what the decision sees."""
    site.attendant.handle(CredentialRead("pool-reader", ANNE, 0))
    assert site.events[-1].reason is DenyReason.WRONG_ZONE
    hashed = credential_hash(ANNE, site.keys[0])
    site.rows[hashed] = replace(site.rows[hashed], zones=("gym", "pool"))
    site.attendant.handle(CredentialRead("pool-reader", ANNE, 1))
    assert site.events[-1].kind is EventKind.GRANTED
