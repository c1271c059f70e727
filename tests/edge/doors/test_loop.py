"""The single loop: order, deadlines, bounds, a clean stop."""

import queue
import threading
from typing import Any

import pytest
from portillon_drivers.events import CredentialRead, InputChanged
from portillon_edge.domain.events import EventKind
from portillon_edge.doors import loop as loop_module
from portillon_edge.doors.loop import DoorLoop
from portillon_rules.credential import Credential

ANNE = Credential.parse("em4100:0F0027A46B")


def test_what_was_queued_is_handled_before_the_stop(site: Any) -> None:
    """A clean stop loses no event that a driver has handed over."""
    loop = DoorLoop(site.attendant, clock_ns=lambda: 0)
    loop.put(InputChanged("lane1-passage", False, 0))
    loop.put(CredentialRead("lane1-reader", ANNE, 1))
    loop.put(InputChanged("lane1-passage", True, 2))
    loop.stop()
    loop.run()
    assert [event.kind for event in site.events] == [EventKind.GRANTED, EventKind.PASSAGE]


def test_deadlines_come_by_themselves(site: Any) -> None:
    """Nobody passes and nothing else happens: the grant still ends, at its window."""
    clock = {"ns": 0}
    loop = DoorLoop(site.attendant, clock_ns=lambda: clock["ns"])
    ended = threading.Event()
    site_record = site.record

    def record(event: Any) -> None:
        site_record(event)
        if event.kind is EventKind.GRANT_NOT_USED:
            ended.set()

    site.record = record
    thread = threading.Thread(target=loop.run)
    loop.put(CredentialRead("lane1-reader", ANNE, 0))
    thread.start()
    clock["ns"] = 5_000_000_000
    loop.put(InputChanged("nothing-known", True, 0))
    assert ended.wait(5)
    loop.stop()
    thread.join(5)
    assert not thread.is_alive()


def test_passage_that_waits_in_the_queue_beats_the_deadline(site: Any) -> None:
    """A passage seen within its window counts, even if the loop gets to it a moment after the window's end."""
    loop = DoorLoop(site.attendant, clock_ns=lambda: 5_050_000_000)
    loop.put(InputChanged("lane1-passage", False, 0))
    loop.put(CredentialRead("lane1-reader", ANNE, 0))
    loop.put(InputChanged("lane1-passage", True, 4_999_000_000))
    loop.stop()
    loop.run()
    assert [event.kind for event in site.events] == [EventKind.GRANTED, EventKind.PASSAGE]


def test_flood_does_not_starve_a_deadline(site: Any) -> None:
    """A window that is over by more than the allowed lateness ends although events keep coming."""
    loop = DoorLoop(site.attendant, clock_ns=lambda: 5_200_000_000)
    loop.put(CredentialRead("lane1-reader", ANNE, 0))
    for _ in range(10):
        loop.put(InputChanged("nothing-known", True, 0))
    loop.stop()
    loop.run()
    assert [event.kind for event in site.events] == [EventKind.GRANTED, EventKind.GRANT_NOT_USED]


def test_full_queue_counts_what_it_loses(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue is bounded; a loop that takes nothing loses events countably, and blocks no driver for good."""
    monkeypatch.setattr(loop_module, "PUT_SECONDS_MAX", 0.01)
    loop = DoorLoop(site.attendant, clock_ns=lambda: 0)
    loop._queue = queue.Queue(2)
    for _ in range(3):
        loop.put(InputChanged("lane1-passage", True, 0))
    assert loop.dropped == 1
