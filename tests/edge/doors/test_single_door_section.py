"""Every key of a door's section reaches its machine."""

import dataclasses
from typing import Any

from edge.doors.fed_machine import ANNE, Fed
from edge.doors.opened_door import CLOSES, OPENS
from portillon_config.doors import SingleDoor
from portillon_edge.domain.events import EventKind
from portillon_edge.doors.kinds import build_doors
from portillon_edge.doors.machine import Admit, Lock, Record, Release, Tick


def configured(**keys: Any) -> Fed:
    """The machine that a section makes, known to be shut."""
    least = {"name": "side", "kind": "door", "zone": "gym", "readers": ["r"], "output": "strike", "pulse_ms": 1000}
    (door,) = build_doors([SingleDoor.model_validate({**least, "contact_input": "c", **keys})])
    fed = Fed(door.machine)
    fed.at(0, CLOSES)
    return fed


def test_times_to_stand_open() -> None:
    """The warning and the alarm come when the section says, and for nobody a warning that it does not name."""
    side = configured(held_open_ms=5000, held_open_warn_ms=3000)
    side.at(0, Admit(ANNE), OPENS)
    assert side.kinds(3000, Tick()) == [EventKind.DOOR_HELD_SOON]
    assert side.kinds(5000, Tick()) == [EventKind.DOOR_HELD]
    silent = configured(held_open_ms=5000)
    silent.at(0, Admit(ANNE), OPENS)
    assert [action for _, action in silent.run(4999)] == []


def test_bounce_relocking_and_long_access() -> None:
    """A leaf may spring back for so long; the lock stays released if asked; some have longer."""
    side = configured(contact_bounce_ms=500, relock_on_open=False, long_access_factor=4)
    slow = dataclasses.replace(ANNE, long_access=True)
    assert side.at(0, Admit(slow))[0] == Release(4000)
    assert Lock() not in side.at(100, OPENS)
    assert side.kinds(200, CLOSES) == side.kinds(650, OPENS) == []
    side.at(1000, CLOSES)
    assert side.at(1500, Tick()) == [Lock()]


def test_a_door_without_contact_assumes() -> None:
    """No contact in the section: the passage is assumed at the end of the window."""
    blind = configured(contact_input=None, passage_window_ms=2000)
    blind.at(0, Admit(ANNE))
    assert blind.at(2000, Tick()) == [Record(EventKind.PASSAGE, ANNE, detail="assumed: the door has no contact")]
