"""The Reader port: what every reader must do, run over every implementation on its own simulator."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from portillon_drivers.events import CredentialRead, ReaderDown, ReaderFault, ReaderFaultKind, ReaderUp
from portillon_drivers.ports import Reader
from portillon_drivers.pty_line import PtyLine
from portillon_drivers.readers import id12la_simulator, rdm6300_simulator
from portillon_drivers.registry import READERS, build_readers, options_model
from portillon_rules.credential import Credential, CredentialKind

CARD = "0F0027A46B"
OTHER = "3400C2DD15"
PRESENTED: dict[str, Callable[[str], bytes]] = {
    "rdm6300": lambda card: rdm6300_simulator.frame(card) * 2,
    "id12la": id12la_simulator.frame,
}
"""What each reader sends when a card is held to it for a moment."""


@dataclass
class Stage:
    reader: Reader
    line: PtyLine
    heard: Any
    end: Callable[[], None]
    type_name: str

    def present(self, card: str) -> None:
        self.line.send(PRESENTED[self.type_name](card))

    def wait_read(self, card: str, after: int = 0) -> None:
        credential = Credential(CredentialKind.EM4100, card)
        self.heard.wait_for(lambda e: isinstance(e, CredentialRead) and e.credential == credential, after)

    def wait_up(self, after: int = 0) -> None:
        self.heard.wait_for(lambda e: isinstance(e, ReaderUp), after)


@pytest.fixture(params=sorted(READERS))
def stage(request: pytest.FixtureRequest, tmp_path: Path, heard: Any, run_driver: Any) -> Iterator[Stage]:
    line = PtyLine(tmp_path / "reader")
    options: Any = options_model(READERS, request.param).model_validate(
        {"name": "lane1-reader", "type": request.param, "path": line.link}
    )
    line.plug()
    [reader] = build_readers([options], time.monotonic_ns)
    yield Stage(reader, line, heard, run_driver(reader.run, heard), request.param)
    line.unplug()


def test_suite_covers_every_reader() -> None:
    """A reader without its presentation here would be a reader without this suite."""
    assert PRESENTED.keys() == READERS.keys()


def test_card_is_told_with_name_and_time(stage: Stage) -> None:
    """A presented card is one CredentialRead under the reader's name, dated between presenting and hearing."""
    stage.wait_up()
    before_ns = time.monotonic_ns()
    stage.present(CARD)
    stage.wait_read(CARD)
    [read] = [event for event in stage.heard.events if isinstance(event, CredentialRead)]
    assert read.reader == stage.reader.name == "lane1-reader"
    assert before_ns <= read.at_ns <= time.monotonic_ns()


def test_repeats_are_held_off(stage: Stage) -> None:
    """A card presented again at once is not told again; the next card is."""
    stage.wait_up()
    stage.present(CARD)
    stage.present(CARD)
    stage.present(OTHER)
    stage.wait_read(OTHER)
    assert [e.credential.value for e in stage.heard.events if isinstance(e, CredentialRead)] == [CARD, OTHER]


def test_dirt_is_a_fault_and_hides_nothing(stage: Stage) -> None:
    """Junk and half a frame are told as faults, and the card after them is read."""
    stage.wait_up()
    stage.line.send(b"\xff\x00junk" + PRESENTED[stage.type_name](OTHER)[:7])
    stage.present(CARD)
    stage.wait_read(CARD)
    kinds = {event.fault for event in stage.heard.events if isinstance(event, ReaderFault)}
    assert kinds == {ReaderFaultKind.JUNK, ReaderFaultKind.TRUNCATED}


def test_every_byte_may_come_alone(stage: Stage) -> None:
    """A card that trickles in byte by byte is read."""
    stage.wait_up()
    for byte in PRESENTED[stage.type_name](CARD):
        stage.line.send(bytes([byte]))
    stage.wait_read(CARD)


def test_unplugged_and_replugged(stage: Stage) -> None:
    """Unplugging is told, replugging too, and cards are read again."""
    stage.wait_up()
    stage.line.unplug()
    down: Any = stage.heard.wait_for(lambda e: isinstance(e, ReaderDown))
    assert str(stage.line.link) in down.detail
    seen = len(stage.heard.events)
    stage.line.plug()
    stage.wait_up(after=seen)
    stage.present(CARD)
    stage.wait_read(CARD, after=seen)


def test_absent_at_the_start(tmp_path: Path, stage: Stage) -> None:
    """A reader that is not there yet is told as down once per cause, not once per try."""
    stage.wait_up()
    stage.line.unplug()
    stage.heard.wait_for(lambda e: isinstance(e, ReaderDown) and "nothing is plugged in" in e.detail)
    stage.line.plug()
    stage.wait_up(after=2)
    downs = [event.detail for event in stage.heard.events if isinstance(event, ReaderDown)]
    assert len(downs) == len(set(downs)) <= 2


def test_stop_frees_the_line(stage: Stage, heard: Any, run_driver: Any) -> None:
    """A stopped reader lets go of its line: it can be run again."""
    stage.wait_up()
    stage.end()
    seen = len(heard.events)
    run_driver(stage.reader.run, heard)
    stage.wait_up(after=seen)
