"""A true PN532 on the serial line that PORTILLON_PN532 names, and somebody who holds a card to it when told to.

PORTILLON_PN532=/dev/ttyUSB0 pytest -m hardware tests/hardware/test_pn532.py -s
"""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from portillon_drivers.events import CredentialRead, ReaderUp
from portillon_drivers.nfc.pn532_device import Pn532Device
from portillon_drivers.readers.pn532 import NUMBERS, Pn532Options, Pn532Reader
from portillon_rules.credential import CredentialKind

pytestmark = [
    pytest.mark.hardware,
    pytest.mark.timeout(180),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # on a Pi nfcpy forgets to close /proc/device-tree/model
]
PATH = os.environ.get("PORTILLON_PN532", "")
PERSON_S = 60.0
"""How long the test waits for the person at the reader."""


@pytest.fixture
def path() -> Path:
    if not PATH:
        pytest.skip("set PORTILLON_PN532 to the serial line of a PN532")
    return Path(PATH)


@pytest.fixture
def device(path: Path) -> Iterator[Pn532Device]:
    device = Pn532Device(path=path, usb=None, reset=None)
    device.open()
    yield device
    device.close()


def test_opens_again_after_closing(device: Pn532Device) -> None:
    """The chip sleeps and wakes, and keeps no settings that would be in the way."""
    for _ in range(3):
        device.close()
        device.open()
        device.look([CredentialKind.NFCA])


def test_a_killed_run_leaves_it_openable(path: Path, device: Pn532Device) -> None:
    """Left at the high baud rate, without a word, it is called back."""
    device._abandon()
    device.open()
    device.look([CredentialKind.NFCA])


def test_empty_field_is_looked_at_in_time(device: Pn532Device) -> None:
    """A look at all three families takes under 150 ms, so a member waits no longer than a quarter of a second."""
    began_s = time.monotonic()
    for _ in range(20):
        device.look(sorted(NUMBERS))
    assert (time.monotonic() - began_s) / 20 < 0.15


class Person:
    """Runs the reader, and waits for the person beside it."""

    def __init__(self, path: Path) -> None:
        options = {"name": "reader", "type": "pn532", "path": path, "hold_off_ms": 500}
        self.heard: list[Any] = []
        self._news = threading.Condition()
        self._stop = threading.Event()
        reader = Pn532Reader(Pn532Options.model_validate(options), time.monotonic_ns)
        self._thread = threading.Thread(target=reader.run, args=(self._emit, self._stop))
        self._thread.start()

    def _emit(self, event: object) -> None:
        with self._news:
            self.heard.append(event)
            self._news.notify_all()

    def wait(self, kind: type, count: int = 1) -> list[Any]:
        with self._news:
            self._news.wait_for(lambda: sum(isinstance(e, kind) for e in self.heard) >= count, PERSON_S)
            return [event for event in self.heard if isinstance(event, kind)]

    def end(self) -> None:
        self._stop.set()
        self._thread.join()


def test_a_card_is_told_once_while_it_lies_there_and_again_when_it_comes_back(path: Path) -> None:
    """The same card, left for three seconds, taken away and held there again, is told twice and alike."""
    person = Person(path)
    try:
        assert person.wait(ReaderUp)
        print("\nLay a card on the reader and leave it there…")
        [first] = person.wait(CredentialRead)[:1]
        time.sleep(3)  # a person's card on a true reader: here time does pass
        assert len(person.wait(CredentialRead)) == 1
        print("Take it away, count to two, and hold it there again…")
        second = person.wait(CredentialRead, count=2)[1]
        assert first.credential == second.credential and first.credential.kind in NUMBERS
    finally:
        person.end()
