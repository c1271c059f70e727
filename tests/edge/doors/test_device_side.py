"""Whose fault is written down where."""

import pytest
from edge.doors.small_site import Site
from portillon_edge.domain.events import EventKind
from portillon_edge.doors.device_side import GUARD, DeviceSide


@pytest.mark.parametrize(
    ("device", "fault", "restored", "doors"),
    [
        ("lane1-reader", EventKind.READER_FAULT, EventKind.READER_RESTORED, ["lane1"]),
        ("lane1-relay", EventKind.OUTPUT_FAULT, EventKind.OUTPUT_RESTORED, ["lane1"]),
        (GUARD, EventKind.OUTPUT_FAULT, EventKind.OUTPUT_RESTORED, [None]),
        ("pool-contact", EventKind.INPUT_FAULT, EventKind.INPUT_RESTORED, ["pool"]),
        ("exit", EventKind.INPUT_FAULT, EventKind.INPUT_RESTORED, ["lane1", "pool"]),
        ("fire-loop", EventKind.INPUT_FAULT, EventKind.INPUT_RESTORED, [None]),
    ],
)
def test_a_fault_is_told_at_every_door_that_it_concerns(
    site: Site, device: str, fault: EventKind, restored: EventKind, doors: list[str | None]
) -> None:
    """Its end too; of the house's own devices, and of the guard, at none."""
    devices = DeviceSide(site.doors(), clockwork=site, log=site)
    devices.bad(device, "down", "nothing is plugged in", 1)
    assert [(event.kind, event.door) for event in site.events] == [(fault, door) for door in doors]
    assert all("down: nothing is plugged in" in (event.detail or "") for event in site.events)
    site.events.clear()
    devices.well(device, 2)
    assert [(event.kind, event.door) for event in site.events] == [(restored, door) for door in doors]


def test_a_fault_of_one_moment_has_no_end(site: Site) -> None:
    """Noise on a wire was noise; that the device is well says nothing new. A hold that went well neither."""
    devices = DeviceSide(site.doors(), clockwork=site, log=site)
    devices.faulty("lane1-reader", "junk", "no frame", 1)
    devices.well("lane1-reader", 2)
    devices.held("lane1-relay", None, 3)
    assert [event.kind for event in site.events] == [EventKind.READER_FAULT]


def test_a_hold_that_fails_is_the_outputs_fault_until_it_is_heard_of(site: Site) -> None:
    """Told once however often it is asked for again."""
    devices = DeviceSide(site.doors(), clockwork=site, log=site)
    devices.held("pool-strike", "the guard is away", 1)
    devices.held("pool-strike", "the guard is away", 2_000_000_000)
    devices.well("pool-strike", 3_000_000_000)
    assert [event.kind for event in site.events] == [EventKind.OUTPUT_FAULT, EventKind.OUTPUT_RESTORED]
