"""A broken driver takes nobody with it."""

import threading
from collections.abc import Callable
from typing import Any

from portillon_drivers.events import InputDown, ReaderDown, ReaderUp
from portillon_edge.device_threads import DeviceThreads


class Flaky:
    """A reader whose driver breaks twice, then works."""

    name = "lane1-reader"

    def __init__(self) -> None:
        self.runs = 0
        self.works = threading.Event()

    def run(self, emit: Callable[[Any], None], stop: threading.Event) -> None:
        self.runs += 1
        if self.runs <= 2:
            raise RuntimeError("a bug")
        emit(ReaderUp(self.name, 0))
        self.works.set()
        stop.wait()


class Board:
    """An input board whose driver ends by itself once."""

    names = ("passage1", "passage2")

    def __init__(self) -> None:
        self.runs = 0
        self.works = threading.Event()

    def run(self, emit: Callable[[Any], None], stop: threading.Event) -> None:
        self.runs += 1
        if self.runs == 1:
            return
        self.works.set()
        stop.wait()


def test_broken_driver_is_told_and_started_again() -> None:
    """Down once per cause, up when it works, and every other device goes on."""
    reader, board, told = Flaky(), Board(), []
    threads = DeviceThreads([reader], [board], emit=told.append, clock_ns=lambda: 7)
    threads.start()
    assert reader.works.wait(5) and board.works.wait(5)
    assert threads.stop() == []
    assert [event for event in told if isinstance(event, ReaderDown | ReaderUp)] == [
        ReaderDown("lane1-reader", "its driver broke: RuntimeError: a bug", 7),
        ReaderUp("lane1-reader", 0),
    ]
    assert [event.name for event in told if isinstance(event, InputDown)] == ["passage1", "passage2"]
