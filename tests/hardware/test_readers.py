"""Every reader of a true site, with somebody beside it: docs/hardware-tests.md says how to wire and run this.

PORTILLON_SITE=/etc/portillon/gateway.toml pytest -m hardware tests/hardware/test_readers.py -s
"""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from portillon_config import load
from portillon_drivers.events import CredentialRead, ReaderDown, ReaderFault, ReaderUp, TextScanned
from portillon_drivers.options import ReaderOptions
from portillon_drivers.registry import build_readers

pytestmark = [pytest.mark.hardware, pytest.mark.timeout(600)]
SITE = os.environ.get("PORTILLON_SITE", "")
UNPLUGGED_TOGETHER = frozenset({"wiegand"})
"""Types whose line cannot tell that the reader is gone: two open collectors look the same with nobody behind them."""
PERSON_S = float(os.environ.get("PORTILLON_PERSON_S", "60"))
"""How long a test waits for the person at the reader."""
PRESENTED = (CredentialRead, TextScanned)
LEFT_LYING_S = 5.0
BACK_S = 3.0
"""The slowest driver tries its lost line again every 2 s; an OSDP reader is back within one."""


def sections() -> list[ReaderOptions]:
    return list(load(Path(SITE)).readers) if SITE else []


class Person:
    """Runs one true reader, and tells the person beside it what to do."""

    def __init__(self, options: ReaderOptions) -> None:
        self.options = options
        self.heard: list[Any] = []
        self._news = threading.Condition()
        self._stop = threading.Event()
        [reader] = build_readers([options], time.monotonic_ns)
        self._thread = threading.Thread(target=reader.run, args=(self._emit, self._stop))
        self._thread.start()

    def _emit(self, event: object) -> None:
        with self._news:
            self.heard.append(event)
            self._news.notify_all()

    def asked(self, what: str) -> int:
        """Tell the person; returns how much had been heard before."""
        print(f"\n  {self.options.name}: {what}", flush=True)
        return len(self.heard)

    def wait(self, kinds: type | tuple[type, ...], after: int, seconds: float = PERSON_S) -> Any:
        with self._news:
            assert self._news.wait_for(lambda: any(isinstance(e, kinds) for e in self.heard[after:]), seconds), (
                f"nothing of the kind within {seconds:.0f} s; heard meanwhile: {self.heard[after:]}"
            )
            return next(event for event in self.heard[after:] if isinstance(event, kinds))

    def end(self) -> None:
        self._stop.set()
        self._thread.join()


@pytest.fixture(params=sections(), ids=lambda options: options.name)
def person(request: pytest.FixtureRequest) -> Iterator[Person]:
    person = Person(request.param)
    person.wait(ReaderUp, 0)
    yield person
    person.end()


def test_the_suite_has_a_site() -> None:
    """Without a site there is nothing to test, and nobody should take silence for success."""
    if not SITE:
        pytest.skip("set PORTILLON_SITE to the gateway's .toml file")
    assert sections()


def test_a_card_is_told_once_and_again_when_it_comes_back(person: Person) -> None:
    """A card left lying is told once; taken away for the hold-off and held there again it is told again, and alike."""
    first = person.wait(PRESENTED, person.asked("hold card 1 to it, and leave it there"))
    time.sleep(LEFT_LYING_S)  # a person's card on a true reader: here time does pass
    assert [event for event in person.heard if isinstance(event, PRESENTED)] == [first]
    pause_s = person.options.hold_off_ms / 1_000 + 1
    person.asked(f"take it away for {pause_s:.0f} s")
    time.sleep(pause_s)
    again = person.wait(PRESENTED, person.asked("hold the same card to it again"))
    if isinstance(first, CredentialRead):
        assert again.credential == first.credential and first.credential.kind in person.options.tells


def test_two_cards_are_two_credentials(person: Person) -> None:
    """Nothing of one card is told as another's."""
    first = person.wait(PRESENTED, person.asked("hold card 1 to it, then take it away"))
    after = person.asked("hold card 2 to it")
    while (second := person.wait(PRESENTED, after)) == first:
        after += 1
    told = [getattr(event, "credential", getattr(event, "text", None)) for event in (first, second)]
    assert told[0] != told[1]


def test_cards_waved_past_are_read_or_told_never_guessed(person: Person) -> None:
    """Of ten quick passes each is the known card or a fault; no third credential ever appears."""
    known = person.wait(PRESENTED, person.asked("hold card 1 to it, then take it away"))
    person.asked("wave card 1 past it ten times, as fast as you can, within 20 s")
    time.sleep(20)
    strange = [e for e in person.heard if isinstance(e, CredentialRead) and e.credential != known.credential]
    assert not strange
    print(f"    faults told: {[str(e.fault) for e in person.heard if isinstance(e, ReaderFault)]}")


def test_unplugged_and_plugged_in_again(person: Person) -> None:
    """The loss is told once per cause, and the reader is back by itself soon after its wire."""
    if person.options.type in UNPLUGGED_TOGETHER:
        pytest.skip("its line cannot tell that the reader is gone")
    after = person.asked("unplug the reader's cable")
    person.wait(ReaderDown, after)
    after = person.asked("count to ten, plug it in again, and hold card 1 to it at once")
    up = person.wait(ReaderUp, after)
    read = person.wait(PRESENTED, after)
    print(f"    back and read {(read.at_ns - up.at_ns) / 1e9:.2f} s after the line was open")
    assert read.at_ns - up.at_ns < BACK_S * 1e9
    causes = [event.detail for event in person.heard if isinstance(event, ReaderDown)]
    assert len(causes) == len(set(causes))
