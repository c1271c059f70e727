"""A two-way lane is one lane: ways, level drive, wrong ways, free exit, egress (rules 1, 2, 5 and 6)."""

import dataclasses
from typing import Any

import pytest
from edge.doors.fed_machine import ANNE, BEN, Fed, leaving
from portillon_edge.domain.events import EventKind, Way
from portillon_edge.doors.machine import (
    RENEW_MS,
    Admit,
    Hold,
    Line,
    LineChanged,
    LineLost,
    Lock,
    OpenOnce,
    OutputFailed,
    Part,
    Record,
    Release,
    Tick,
)
from portillon_edge.doors.turnstile_lane import Drive, TurnstileLane
from portillon_rules.reason import DenyReason

IN, IN_CLEAR = LineChanged(Line.PASSAGE, True), LineChanged(Line.PASSAGE, False)
OUT, OUT_CLEAR = LineChanged(Line.PASSAGE_OUT, True), LineChanged(Line.PASSAGE_OUT, False)
REX = LineChanged(Line.REX, True)
ANNE_LEAVES = leaving(ANNE)


def lane(**options: Any) -> Fed:
    fed = Fed(
        TurnstileLane(
            **{"pulse_ms": 300, "passage_window_ms": 5000, "has_exit_output": True, "tells_ways": True, **options}
        )
    )
    fed.at(0, IN_CLEAR, OUT_CLEAR)
    return fed


def test_each_way_has_its_output_and_its_passage() -> None:
    """Who leaves is released outwards and passes outwards; the event of a grant carries its way."""
    two_way = lane()
    assert two_way.at(0, Admit(ANNE)) == [Release(300, Part.ENTRY), Record(EventKind.GRANTED, ANNE)]
    assert two_way.at(900, IN) == [Record(EventKind.PASSAGE, ANNE)]
    assert two_way.at(2000, Admit(ANNE_LEAVES)) == [Release(300, Part.EXIT), Record(EventKind.GRANTED, ANNE_LEAVES)]
    assert two_way.at(2200, OUT) == [Lock(Part.EXIT), Record(EventKind.PASSAGE, ANNE_LEAVES)]


def test_both_ways_are_one_lane() -> None:
    """While somebody is let in, nobody is let out by a card: two people do not fit."""
    two_way = lane()
    two_way.at(0, Admit(ANNE))
    assert two_way.machine.busy
    assert two_way.at(100, Admit(leaving(BEN))) == [Record(EventKind.DENIED, leaving(BEN), DenyReason.LANE_BUSY)]


def test_one_output_serves_both_ways_of_a_simple_lane() -> None:
    """Without an exit output the one output lets people out too, and one contact tells both ways."""
    simple = lane(has_exit_output=False, tells_ways=False)
    assert simple.at(0, Admit(ANNE_LEAVES))[0] == Release(300, Part.ENTRY)
    assert simple.at(100, IN) == [Lock(Part.ENTRY), Record(EventKind.PASSAGE, ANNE_LEAVES)]


def test_passage_against_the_grant_is_the_wrong_way_and_ends_its_release() -> None:
    """Somebody comes out on another's grant: told, the lane locks, and the grant waits for its own person."""
    level = lane(drive=Drive.LEVEL)
    level.at(0, Admit(ANNE))
    told = Record(EventKind.WRONG_WAY, detail="while the lane was released for an entry", way=Way.EXIT)
    assert level.at(800, OUT) == [Lock(Part.ENTRY), told]
    assert level.machine.busy
    assert level.run(5000) == [(5000, Record(EventKind.GRANT_NOT_USED, ANNE))]


def test_wrong_way_leaves_the_window_to_who_was_granted() -> None:
    """In pulse drive the lane may still turn: whoever then goes in is whom we let in, once."""
    two_way = lane()
    two_way.at(0, Admit(ANNE))
    assert two_way.kinds(800, OUT, OUT_CLEAR) == [EventKind.WRONG_WAY]
    assert two_way.at(1500, IN) == [Record(EventKind.PASSAGE, ANNE)]


@pytest.mark.parametrize(("signal", "way"), [(IN, Way.ENTRY), (OUT, Way.EXIT)])
def test_passage_that_nobody_was_granted_is_forced_and_tells_its_way(signal: LineChanged, way: Way) -> None:
    """Climbing in and pushing out are told apart."""
    (record,) = lane().at(0, signal)
    assert record == Record(EventKind.DOOR_FORCED, detail="a passage that nobody was granted", way=way)


def test_lane_that_cannot_tell_ways_says_no_way() -> None:
    """One contact for both ways: the event claims nothing that nobody saw."""
    (record,) = lane(tells_ways=False).at(0, IN)
    assert record == Record(EventKind.DOOR_FORCED, detail="a passage that nobody was granted")


def test_level_drive_stays_released_for_the_window_and_ends_at_the_passage() -> None:
    """The lane is open exactly as long as we say so: for the window at most, and for one person."""
    level = lane(drive=Drive.LEVEL)
    assert level.at(0, Admit(ANNE))[0] == Release(5000, Part.ENTRY)
    assert level.at(3000, IN) == [Lock(Part.ENTRY), Record(EventKind.PASSAGE, ANNE)]


def test_who_needs_longer_gets_a_longer_window() -> None:
    """Long access multiplies the window, and in level drive the release with it; the next person's is as always."""
    slow = dataclasses.replace(ANNE, long_access=True)
    level = lane(drive=Drive.LEVEL, long_access_factor=3)
    assert level.at(0, Admit(slow))[0] == Release(15_000, Part.ENTRY)
    assert level.at(14_999, IN)[1] == Record(EventKind.PASSAGE, slow)
    level.at(15_000, IN_CLEAR)
    assert level.at(16_000, Admit(BEN))[0] == Release(5000, Part.ENTRY)


def test_unseen_passage_is_not_called_unused_without_saying_so() -> None:
    """With the passage input lost, the event tells that nobody could see."""
    two_way = lane()
    two_way.at(0, Admit(ANNE), LineLost(Line.PASSAGE))
    ((_, record),) = two_way.run(5000)
    assert isinstance(record, Record) and record.kind is EventKind.GRANT_NOT_USED
    assert record.detail == "nobody could see it: the passage input is not known"


def test_exit_request_releases_the_way_out_beside_a_grant() -> None:
    """Leaving waits for nobody, takes nobody's grant, and no passage cuts it short."""
    two_way = lane()
    two_way.at(0, Admit(ANNE))
    assert two_way.at(100, REX) == [Release(300, Part.EXIT), Record(EventKind.EXIT_REQUEST)]
    assert two_way.at(250, OUT) == [Record(EventKind.PASSAGE, detail="after an exit request", way=Way.EXIT)]
    assert two_way.at(280, IN) == [Lock(Part.ENTRY), Record(EventKind.PASSAGE, ANNE)]


def test_coming_in_on_an_exit_request_is_the_wrong_way() -> None:
    """Somebody inside pressed the button for a friend outside."""
    two_way = lane()
    two_way.at(0, REX)
    assert two_way.kinds(900, IN) == [EventKind.WRONG_WAY]


def test_free_exit_is_held_and_renewed_from_the_first_step_on() -> None:
    """The way out stands released by a hold that a living host renews; nothing of it touches the way in."""
    free = Fed(
        TurnstileLane(pulse_ms=300, passage_window_ms=5000, has_exit_output=True, tells_ways=True, free_exit=True)
    )
    assert free.at(0, Tick()) == [Hold(Part.EXIT)]
    assert free.deadline_ms == RENEW_MS
    assert free.at(RENEW_MS - 1, Tick()) == []
    assert free.at(RENEW_MS, Tick()) == [Hold(Part.EXIT)]


def test_passages_out_of_a_free_exit_are_recorded_without_member() -> None:
    """Nobody badges to leave; that somebody left is still told, and is no intrusion."""
    free = lane(free_exit=True)
    passage = Record(EventKind.PASSAGE, detail="nobody badges here: the way out is free", way=Way.EXIT)
    assert free.at(100, OUT) == [passage]
    free.at(200, OUT_CLEAR, Admit(ANNE))
    assert free.at(300, OUT) == [passage], "not the wrong way: the way out is free"
    assert free.at(400, IN)[-1] == Record(EventKind.PASSAGE, ANNE)


def test_staff_opens_once_for_one_passage() -> None:
    """No card, no member: one passage is nobody's, by whose order is told, and the next one is forced."""
    two_way = lane()
    released = two_way.at(0, OpenOnce("s-7"))
    assert released == [Release(300, Part.ENTRY), Record(EventKind.COMMAND_DONE, detail="opened once", by="s-7")]
    passage = Record(EventKind.PASSAGE, detail="let in without a card", way=Way.ENTRY, by="s-7")
    assert two_way.at(200, IN, IN_CLEAR) == [Lock(Part.ENTRY), passage]
    assert two_way.kinds(900, IN) == [EventKind.DOOR_FORCED]


def test_staff_opening_that_failed_lets_nobody_in() -> None:
    """Nothing was released: whoever gets through all the same forced it."""
    two_way = lane()
    two_way.at(0, OpenOnce("s-7"), OutputFailed(Part.ENTRY))
    assert two_way.kinds(900, IN) == [EventKind.DOOR_FORCED]


def test_failed_exit_output_ends_only_what_needed_it() -> None:
    """The way in goes on; who was to leave could not."""
    two_way = lane()
    two_way.at(0, Admit(ANNE))
    assert two_way.at(10, OutputFailed(Part.EXIT)) == []
    two_way.at(900, IN, IN_CLEAR, Admit(ANNE_LEAVES))
    unused = Record(EventKind.GRANT_NOT_USED, ANNE_LEAVES, detail="the output failed")
    assert two_way.at(950, OutputFailed(Part.EXIT)) == [Lock(Part.EXIT), unused]


class LaneThatMixesUpWays(TurnstileLane):
    """Ablation: any passage is the grant's."""

    def _passage(self, way: Way | None, now: int) -> list[Any]:
        return super()._passage(None, now)


def test_ways_must_be_told_apart() -> None:
    """Switch that off and whoever comes out spends another's grant."""
    mixed = Fed(LaneThatMixesUpWays(pulse_ms=300, passage_window_ms=5000, has_exit_output=True, tells_ways=True))
    mixed.at(0, IN_CLEAR, OUT_CLEAR, Admit(ANNE))
    assert mixed.kinds(800, OUT) == [EventKind.PASSAGE]
